using CloudPv.WorkerProtocol;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

[assembly: AssemblyFixture(typeof(CloudPv.Cloud.Tests.PostgresFixture))]

namespace CloudPv.Cloud.Tests;

/// <summary>A real PostgreSQL for all tests, in which each has a database of its own.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    private const string Migrated = "migrated";

    private readonly DirectoryInfo _root = new(Path.Combine(Path.GetTempPath(), $"cloudpv-pg-{Environment.ProcessId}"));
    private EmbeddedPostgres _postgres = null!;
    private int _databases;

    public async ValueTask InitializeAsync()
    {
        _postgres = new EmbeddedPostgres(new DataFolder(_root.FullName), NullLogger<EmbeddedPostgres>.Instance);
        await _postgres.StartAsync(CancellationToken.None);
        await using var db = Open(await CreateDatabaseAsync(Migrated, "template0"));
        await db.Database.MigrateAsync();
        await db.DisposeAsync();
        NpgsqlConnection.ClearAllPools();
    }

    /// <summary>A database with the migrated schema and nothing else in it; its connection string.</summary>
    public Task<string> MigratedAsync() => CreateDatabaseAsync($"test_{Interlocked.Increment(ref _databases)}", Migrated);

    /// <summary>A database with nothing in it.</summary>
    public Task<string> EmptyAsync() => CreateDatabaseAsync($"test_{Interlocked.Increment(ref _databases)}", "template0");

    public static CloudContext Open(string connectionString)
    {
        var options = new DbContextOptionsBuilder<CloudContext>();
        options.UseCloudDatabase(connectionString, "CloudPv.Migrations");
        return new CloudContext(options.Options);
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await _postgres.StopAsync();
        _root.Delete(recursive: true);
    }

    private async Task<string> CreateDatabaseAsync(string name, string template)
    {
        await using var connection = new NpgsqlConnection(_postgres.ConnectionString);
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = $"CREATE DATABASE {name} TEMPLATE {template}";
        await command.ExecuteNonQueryAsync();

        // A pool for each database would keep the connections of tests that have ended, until the server has no more.
        return new NpgsqlConnectionStringBuilder(_postgres.ConnectionString) { Database = name, Pooling = false }.ConnectionString;
    }
}
