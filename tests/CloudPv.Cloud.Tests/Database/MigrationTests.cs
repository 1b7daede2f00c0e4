using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace CloudPv.Cloud.Tests;

public sealed class MigrationTests(PostgresFixture postgres)
{
    [Fact]
    public async Task The_migrated_schema_is_exactly_the_models_own()
    {
        var made = await postgres.EmptyAsync();
        await using (var db = PostgresFixture.Open(made))
            await db.Database.EnsureCreatedAsync(TestContext.Current.CancellationToken);

        var migrated = await Schema.ReadAsync(await postgres.MigratedAsync());

        migrated.ShouldBe(await Schema.ReadAsync(made));
        migrated.Count.ShouldBeGreaterThan(50);
    }

    [Fact]
    public async Task Each_step_can_be_the_one_that_a_database_is_at()
    {
        var expected = await Schema.ReadAsync(await postgres.MigratedAsync());
        foreach (var step in Steps())
        {
            var connection = await postgres.EmptyAsync();
            await using (var db = PostgresFixture.Open(connection))
            {
                await db.GetService<IMigrator>().MigrateAsync(step, TestContext.Current.CancellationToken);
                await db.Database.MigrateAsync(TestContext.Current.CancellationToken);
            }
            (await Schema.ReadAsync(connection)).ShouldBe(expected, $"from {step}");
        }
    }

    [Fact]
    public async Task Steps_can_be_taken_back()
    {
        var connection = await postgres.MigratedAsync();
        await using var db = PostgresFixture.Open(connection);
        await db.GetService<IMigrator>().MigrateAsync(Migration.InitialDatabase, TestContext.Current.CancellationToken);

        (await db.Database.GetAppliedMigrationsAsync(TestContext.Current.CancellationToken)).ShouldBeEmpty();
        await db.Database.MigrateAsync(TestContext.Current.CancellationToken);
    }

    private static List<string> Steps()
    {
        using var db = PostgresFixture.Open("Host=/nowhere");
        return [.. db.Database.GetMigrations()];
    }
}
