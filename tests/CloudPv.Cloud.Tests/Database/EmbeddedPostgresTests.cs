using System.Diagnostics;
using CloudPv.WorkerProtocol;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace CloudPv.Cloud.Tests;

public sealed class EmbeddedPostgresTests : IAsyncLifetime
{
    private readonly DirectoryInfo _root = new(Path.Combine(Path.GetTempPath(), $"cloudpv-epg-{Environment.ProcessId}"));
    private readonly CancellationTokenSource _ended = new();
    private EmbeddedPostgres _postgres = null!;
    private Task _supervision = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _postgres = New();
        await _postgres.StartAsync(CancellationToken.None);
        _supervision = _postgres.SuperviseAsync(_ended.Token);
    }

    [Fact]
    public async Task What_was_committed_outlives_a_kill_of_the_server()
    {
        await ExecuteAsync("CREATE TABLE kept (n int)");
        await ExecuteAsync("INSERT INTO kept VALUES (1)");

        using (var postmaster = Process.GetProcessById(PostmasterId()))
            postmaster.Kill();

        (await UntilItAnswersAsync("SELECT count(*) FROM kept")).ShouldBe(1L);
    }

    [Fact]
    public async Task A_second_start_finds_the_server_that_runs()
    {
        var postmaster = PostmasterId();
        await New().StartAsync(CancellationToken.None);
        PostmasterId().ShouldBe(postmaster);
    }

    [Fact]
    public void Only_its_owner_may_reach_it() =>
        File.GetUnixFileMode(Path.Combine(_root.FullName, "postgres")).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        await _supervision.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        NpgsqlConnection.ClearAllPools();
        await _postgres.StopAsync();
        _ended.Dispose();
        _root.Delete(recursive: true);
    }

    private EmbeddedPostgres New() => new(new DataFolder(_root.FullName), NullLogger<EmbeddedPostgres>.Instance);

    private int PostmasterId() => int.Parse(File.ReadLines(Path.Combine(_root.FullName, "postgres", "cluster", "postmaster.pid")).First());

    private async Task<object?> ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(_postgres.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    private async Task<object?> UntilItAnswersAsync(string sql)
    {
        while (true)
        {
            try
            {
                return await ExecuteAsync(sql);
            }
            catch (NpgsqlException)
            {
                await Task.Delay(50, TestContext.Current.CancellationToken);
            }
        }
    }
}
