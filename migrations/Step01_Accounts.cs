using CloudPv.Cloud;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

namespace CloudPv.Migrations;

/// <summary>Who may call, what they asked for already, and what happened.</summary>
[DbContext(typeof(CloudContext))]
[Migration("20261121000001_Accounts")]
public sealed class Step01_Accounts : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            "accounts",
            table => new
            {
                id = table.Column<string>("character(12)", fixedLength: true, maxLength: 12, nullable: false),
                name = table.Column<string>("character varying(100)", maxLength: 100, nullable: false),
                created_at = table.Column<DateTimeOffset>("timestamp with time zone", nullable: false),
            },
            constraints: table => table.PrimaryKey("pk_accounts", a => a.id));
        migrationBuilder.CreateIndex("ix_accounts_name", "accounts", "name", unique: true);

        migrationBuilder.CreateTable(
            "access_keys",
            table => new
            {
                id = table.Column<string>("character varying(20)", maxLength: 20, nullable: false),
                account_id = table.Column<string>("character(12)", fixedLength: true, maxLength: 12, nullable: false),
                name = table.Column<string>("character varying(100)", maxLength: 100, nullable: false),
                key_hash = table.Column<byte[]>("bytea", nullable: false),
                created_at = table.Column<DateTimeOffset>("timestamp with time zone", nullable: false),
                expires_at = table.Column<DateTimeOffset>("timestamp with time zone", nullable: true),
            },
            constraints: table =>
            {
                table.PrimaryKey("pk_access_keys", k => k.id);
                table.ForeignKey("fk_access_keys_account_id", k => k.account_id, "accounts", "id", onDelete: ReferentialAction.Cascade);
            });
        migrationBuilder.CreateIndex("ix_access_keys_account_id", "access_keys", "account_id");
        migrationBuilder.CreateIndex("ix_access_keys_key_hash", "access_keys", "key_hash", unique: true);

        migrationBuilder.CreateTable(
            "client_requests",
            table => new
            {
                account_id = table.Column<string>("character(12)", fixedLength: true, maxLength: 12, nullable: false),
                client_token = table.Column<string>("character varying(128)", maxLength: 128, nullable: false),
                request_hash = table.Column<byte[]>("bytea", nullable: false),
                resource_id = table.Column<string>("character varying(21)", maxLength: 21, nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("pk_client_requests", r => new { r.account_id, r.client_token });
                table.ForeignKey("fk_client_requests_account_id", r => r.account_id, "accounts", "id", onDelete: ReferentialAction.Cascade);
            });

        migrationBuilder.CreateTable(
            "events",
            table => new
            {
                id = table.Column<long>("bigint", nullable: false)
                    .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                at = table.Column<DateTimeOffset>("timestamp with time zone", nullable: false),
                account_id = table.Column<string>("character(12)", fixedLength: true, maxLength: 12, nullable: false),
                resource_id = table.Column<string>("character varying(64)", maxLength: 64, nullable: false),
                kind = table.Column<string>("character varying(64)", maxLength: 64, nullable: false),
                message = table.Column<string>("character varying(1000)", maxLength: 1000, nullable: false),
            },
            constraints: table =>
            {
                table.PrimaryKey("pk_events", e => e.id);
                table.ForeignKey("fk_events_account_id", e => e.account_id, "accounts", "id", onDelete: ReferentialAction.Cascade);
            });
        migrationBuilder.CreateIndex("ix_events_account_id_id", "events", ["account_id", "id"]);
        migrationBuilder.CreateIndex("ix_events_resource_id_id", "events", ["resource_id", "id"]);
    }

    protected override void Down(MigrationBuilder migrationBuilder)
    {
        foreach (var table in (string[])["events", "client_requests", "access_keys", "accounts"])
            migrationBuilder.DropTable(table);
    }
}
