using CloudPv.Cloud;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CloudPv.Migrations;

/// <summary>What each instance type gets of a host's processors.</summary>
[DbContext(typeof(CloudContext))]
[Migration("20261127000004_CpuShares")]
public sealed class Step04_CpuShares : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        // The default is for the rows that are there; later ones always say what they get.
        foreach (var (column, value) in ((string, int)[])[("cpu_weight", 256), ("cpu_cap", 0)])
        {
            migrationBuilder.AddColumn<int>(column, "instance_types", "integer", nullable: false, defaultValue: value);
            migrationBuilder.AlterColumn<int>(column, "instance_types", "integer", nullable: false, oldClrType: typeof(int), oldType: "integer", oldDefaultValue: value);
        }
        foreach (var (type, weight) in ((string, int)[])[("t1.nano", 64), ("t1.micro", 128), ("t1.small", 128)])
            migrationBuilder.UpdateData("instance_types", ["name"], ["character varying(32)"], [type], ["cpu_weight"], ["integer"], [weight]);
    }

    protected override void Down(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.DropColumn("cpu_cap", "instance_types");
        migrationBuilder.DropColumn("cpu_weight", "instance_types");
    }
}
