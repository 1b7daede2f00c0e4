using CloudPv.Cloud;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CloudPv.Migrations;

/// <summary>Instances, their types with the first catalogue, and the hosts that they run on.</summary>
[DbContext(typeof(CloudContext))]
[Migration("20261121000003_Instances")]
public sealed class Step03_Instances : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            "hosts",
            table => new
            {
                id = table.Column<string>("character varying(255)", maxLength: 255, nullable: false),
                name = table.Column<string>("character varying(255)", maxLength: 255, nullable: false),
                cpus = table.Column<int>("integer", nullable: false),
                memory_mib = table.Column<int>("integer", nullable: false),
                heartbeat_at = table.Column<DateTimeOffset>("timestamp with time zone", nullable: false),
            },
            constraints: table => table.PrimaryKey("pk_hosts", h => h.id));

        CreateInstanceTypes(migrationBuilder);
        CreateInstances(migrationBuilder);
    }

    protected override void Down(MigrationBuilder migrationBuilder)
    {
        foreach (var table in (string[])["instances", "instance_types", "hosts"])
            migrationBuilder.DropTable(table);
    }

    private static void CreateInstanceTypes(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            "instance_types",
            table => new
            {
                name = table.Column<string>("character varying(32)", maxLength: 32, nullable: false),
                vcpus = table.Column<int>("integer", nullable: false),
                memory_mib = table.Column<int>("integer", nullable: false),
            },
            constraints: table => table.PrimaryKey("pk_instance_types", t => t.name));
        migrationBuilder.InsertData(
            "instance_types",
            ["name", "vcpus", "memory_mib"],
            ["character varying(32)", "integer", "integer"],
            new object[,]
            {
                { "t1.nano", 1, 128 },
                { "t1.micro", 1, 256 },
                { "t1.small", 2, 256 },
                { "m1.small", 1, 1740 },
                { "m1.medium", 1, 3840 },
                { "c1.medium", 2, 1740 },
                { "m1.large", 2, 7680 },
                { "m1.xlarge", 4, 15360 },
                { "c1.xlarge", 8, 7168 },
                { "m2.4xlarge", 8, 70042 },
            });
    }

    private static void CreateInstances(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            "instances",
            table => new
            {
                id = table.Column<string>("character varying(19)", maxLength: 19, nullable: false),
                account_id = table.Column<string>("character(12)", fixedLength: true, maxLength: 12, nullable: false),
                reservation_id = table.Column<string>("character varying(19)", maxLength: 19, nullable: false),
                launch_index = table.Column<int>("integer", nullable: false),
                name = table.Column<string>("character varying(128)", maxLength: 128, nullable: false),
                image_id = table.Column<string>("character varying(21)", maxLength: 21, nullable: false),
                kernel_id = table.Column<string>("character varying(21)", maxLength: 21, nullable: false),
                ramdisk_id = table.Column<string>("character varying(21)", maxLength: 21, nullable: true),
                instance_type = table.Column<string>("character varying(32)", maxLength: 32, nullable: false),
                vcpus = table.Column<int>("integer", nullable: false),
                memory_mib = table.Column<int>("integer", nullable: false),
                command_line = table.Column<string>("character varying(1023)", maxLength: 1023, nullable: false),
                host_id = table.Column<string>("character varying(255)", maxLength: 255, nullable: false),
                mac_address = table.Column<string>("character(17)", fixedLength: true, maxLength: 17, nullable: false),
                private_ip = table.Column<string>("character varying(15)", maxLength: 15, nullable: false),
                created_at = table.Column<DateTimeOffset>("timestamp with time zone", nullable: false),
                launched_at = table.Column<DateTimeOffset>("timestamp with time zone", nullable: false),
                state = table.Column<string>("character varying(13)", maxLength: 13, nullable: false),
                state_changed_at = table.Column<DateTimeOffset>("timestamp with time zone", nullable: false),
                state_reason = table.Column<string>("character varying(64)", maxLength: 64, nullable: true),
                state_message = table.Column<string>("character varying(1000)", maxLength: 1000, nullable: true),
                run = table.Column<int>("integer", nullable: false),
                force_stop = table.Column<bool>("boolean", nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("pk_instances", i => i.id);
                table.ForeignKey("fk_instances_account_id", i => i.account_id, "accounts", "id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("fk_instances_image_id", i => i.image_id, "images", "id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("fk_instances_kernel_id", i => i.kernel_id, "images", "id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("fk_instances_ramdisk_id", i => i.ramdisk_id, "images", "id", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("fk_instances_instance_type", i => i.instance_type, "instance_types", "name", onDelete: ReferentialAction.Restrict);
                table.ForeignKey("fk_instances_host_id", i => i.host_id, "hosts", "id", onDelete: ReferentialAction.Restrict);
            });
        foreach (var column in (string[])["account_id", "reservation_id", "image_id", "kernel_id", "ramdisk_id", "instance_type", "host_id"])
            migrationBuilder.CreateIndex($"ix_instances_{column}", "instances", column);

        // An address is one instance's as long as that isn't terminated.
        foreach (var column in (string[])["private_ip", "mac_address"])
            migrationBuilder.CreateIndex($"ix_instances_{column}", "instances", column, unique: true, filter: "state <> 'terminated'");
    }
}
