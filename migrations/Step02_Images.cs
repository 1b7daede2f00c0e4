using CloudPv.Cloud;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CloudPv.Migrations;

/// <summary>The images that instances are launched from, and their files.</summary>
[DbContext(typeof(CloudContext))]
[Migration("20261121000002_Images")]
public sealed class Step02_Images : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            "image_files",
            table => new
            {
                sha256 = table.Column<string>("character(64)", fixedLength: true, maxLength: 64, nullable: false),
                size = table.Column<long>("bigint", nullable: false),
                kind = table.Column<string>("character varying(10)", maxLength: 10, nullable: false),
                description = table.Column<string>("character varying(255)", maxLength: 255, nullable: false),
                created_at = table.Column<DateTimeOffset>("timestamp with time zone", nullable: false),
            },
            constraints: table => table.PrimaryKey("pk_image_files", f => f.sha256));

        migrationBuilder.CreateTable(
            "images",
            table => new
            {
                id = table.Column<string>("character varying(21)", maxLength: 21, nullable: false),
                account_id = table.Column<string>("character(12)", fixedLength: true, maxLength: 12, nullable: false),
                kind = table.Column<string>("character varying(10)", maxLength: 10, nullable: false),
                name = table.Column<string>("character varying(128)", maxLength: 128, nullable: false),
                architecture = table.Column<string>("character varying(10)", maxLength: 10, nullable: false),
                description = table.Column<string>("character varying(255)", maxLength: 255, nullable: false),
                kernel_id = table.Column<string>("character varying(21)", maxLength: 21, nullable: true),
                ramdisk_id = table.Column<string>("character varying(21)", maxLength: 21, nullable: true),
                root_device = table.Column<string>("character varying(32)", maxLength: 32, nullable: true),
                command_line = table.Column<string>("character varying(1023)", maxLength: 1023, nullable: true),
                file_sha256 = table.Column<string>("character(64)", fixedLength: true, maxLength: 64, nullable: true),
                created_at = table.Column<DateTimeOffset>("timestamp with time zone", nullable: false),
                deregistered_at = table.Column<DateTimeOffset>("timestamp with time zone", nullable: true),
            },
            constraints: table =>
            {
                table.PrimaryKey("pk_images", i => i.id);
                table.ForeignKey("fk_images_account_id", i => i.account_id, "accounts", "id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("fk_images_kernel_id", i => i.kernel_id, "images", "id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("fk_images_ramdisk_id", i => i.ramdisk_id, "images", "id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("fk_images_file_sha256", i => i.file_sha256, "image_files", "sha256", onDelete: ReferentialAction.Restrict);
            });
        foreach (var column in (string[])["account_id", "kernel_id", "ramdisk_id", "file_sha256"])
            migrationBuilder.CreateIndex($"ix_images_{column}", "images", column);
    }

    protected override void Down(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.DropTable("images");
        migrationBuilder.DropTable("image_files");
    }
}
