using System.Diagnostics;
using System.Net.Sockets;
using CloudPv.WorkerProtocol;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace CloudPv.Cloud;

/// <summary>
/// A PostgreSQL cluster of the service's own, in the data folder: made by the first start from the installed server's
/// programs, reached by a Unix socket alone, and owned by an unprivileged user where the service is root (the server
/// refuses root). It outlives a crash of this process and is found again; if it dies itself, it is started again.
/// </summary>
public sealed partial class EmbeddedPostgres(DataFolder folder, ILogger<EmbeddedPostgres> log)
{
    private const string Database = "cloudpv";
    private static readonly TimeSpan RestartDelay = TimeSpan.FromMilliseconds(500);

    private readonly string _cluster = Path.Combine(folder.Postgres, "cluster");
    private readonly string _socket = Path.Combine(folder.Postgres, "socket");
    private readonly string _log = Path.Combine(folder.Postgres, "log");
    private readonly string _programs = FindPrograms();

    /// <summary>The user that owns the cluster; null: this process's own.</summary>
    private readonly string? _owner = Environment.IsPrivilegedProcess ? "postgres" : null;

    public string ConnectionString => Connect(Database);

    /// <summary>Makes the cluster if there is none, starts it unless it runs, and makes the database in it.</summary>
    /// <exception cref="InvalidOperationException">No server is installed, or it doesn't start; says why.</exception>
    public async Task StartAsync(CancellationToken cancel)
    {
        await MakeFoldersAsync(cancel);
        if (!File.Exists(Path.Combine(_cluster, "PG_VERSION")))
        {
            LogMaking(_cluster);
            await RunAsync("initdb", ["-D", _cluster, "-U", "cloudpv", "-E", "UTF8", "--locale=C.UTF-8", "--auth=trust"], cancel);
        }
        await StartServerAsync(cancel);
        await EnsureDatabaseAsync(cancel);
    }

    /// <summary>Starts the server again whenever it dies.</summary>
    public async Task SuperviseAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            using (var postmaster = FindPostmaster())
            {
                if (postmaster is not null)
                    await postmaster.WaitForExitAsync(cancel);
            }
            LogDied();
            try
            {
                await StartServerAsync(cancel);
            }
            catch (InvalidOperationException failed)
            {
                // The dead server's other processes hold its shared memory until they notice.
                LogStartFailed(failed);
                await Task.Delay(RestartDelay, cancel);
            }
        }
    }

    public Task StopAsync() => RunAsync("pg_ctl", ["stop", "-D", _cluster, "-m", "fast", "-w"], CancellationToken.None);

    private static string FindPrograms()
    {
        const string Debian = "/usr/lib/postgresql";
        var versions = Directory.Exists(Debian)
            ? Directory.GetDirectories(Debian).Where(d => File.Exists(Path.Combine(d, "bin", "postgres"))).OrderByDescending(d => int.TryParse(Path.GetFileName(d), out var v) ? v : 0)
            : Enumerable.Empty<string>();
        return versions.Select(d => Path.Combine(d, "bin")).FirstOrDefault()
            ?? throw new InvalidOperationException(
                "No PostgreSQL server is installed (/usr/lib/postgresql). Install it (apt-get install postgresql), or name one by ConnectionStrings__CloudPv.");
    }

    private string Connect(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = _socket,
        Database = database,
        Username = "cloudpv",
        MaxPoolSize = 50,
    }.ConnectionString;

    private async Task MakeFoldersAsync(CancellationToken cancel)
    {
        foreach (var path in (string[])[folder.Postgres, _socket])
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (_owner is null)
            return;
        await RunProgramAsync("chown", ["-R", $"{_owner}:{_owner}", folder.Postgres], cancel);
        try
        {
            await RunProgramAsync("runuser", ["-u", _owner, "--", "test", "-x", folder.Postgres], cancel);
        }
        catch (InvalidOperationException closed)
        {
            throw new InvalidOperationException(
                $"The user '{_owner}', to whom the PostgreSQL cluster in the data folder belongs, can't reach {folder.Postgres}: " +
                "let others pass through each folder above it (chmod o+x), or choose another by CLOUDPV_DATA.", closed);
        }
    }

    private async Task StartServerAsync(CancellationToken cancel)
    {
        using (var postmaster = FindPostmaster())
        {
            if (postmaster is not null)
                return;
        }
        var settings = $"-c listen_addresses='' -c unix_socket_directories='{_socket}' -c shared_buffers=64MB -c max_connections=60";
        await RunAsync("pg_ctl", ["start", "-D", _cluster, "-l", _log, "-w", "-s", "-o", settings], cancel);
        LogStarted(_socket);
    }

    /// <summary>The server's first process, from the pid file that it keeps; null where it isn't running.</summary>
    private Process? FindPostmaster()
    {
        var pidFile = Path.Combine(_cluster, "postmaster.pid");
        if (!File.Exists(pidFile) || !int.TryParse(File.ReadLines(pidFile).FirstOrDefault(), out var pid))
            return null;
        try
        {
            var process = Process.GetProcessById(pid);
            if (process.ProcessName == "postgres" && !process.HasExited)
                return process;
            process.Dispose();
        }
        catch (ArgumentException)
        {
            // No such process.
        }
        return null;
    }

    private async Task EnsureDatabaseAsync(CancellationToken cancel)
    {
        await using var connection = new NpgsqlConnection(Connect("postgres"));
        await connection.OpenAsync(cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT count(*) FROM pg_database WHERE datname = '{Database}'";
        if ((long)(await command.ExecuteScalarAsync(cancel))! > 0)
            return;
        command.CommandText = $"CREATE DATABASE {Database}";
        await command.ExecuteNonQueryAsync(cancel);
    }

    private Task RunAsync(string program, string[] arguments, CancellationToken cancel)
    {
        program = Path.Combine(_programs, program);
        return _owner is null ? RunProgramAsync(program, arguments, cancel) : RunProgramAsync("runuser", ["-u", _owner, "--", program, .. arguments], cancel);
    }

    private static async Task RunProgramAsync(string program, string[] arguments, CancellationToken cancel)
    {
        // Output goes to a file: the server inherits it, so that a pipe would not end with the program.
        var output = Path.GetTempFileName();
        try
        {
            using var process = Process.Start(new ProcessStartInfo("sh", ["-c", "out=$1; shift; exec \"$@\" >\"$out\" 2>&1 </dev/null", "sh", output, program, .. arguments])
            {
                WorkingDirectory = "/",
            })!;
            await process.WaitForExitAsync(cancel);
            if (process.ExitCode != 0)
                throw new InvalidOperationException($"{Path.GetFileName(program)} {string.Join(' ', arguments)} failed: {(await File.ReadAllTextAsync(output, cancel)).Trim()}");
        }
        finally
        {
            File.Delete(output);
        }
    }

    [LoggerMessage(LogLevel.Information, "Making a PostgreSQL cluster in {Folder}")]
    private partial void LogMaking(string folder);

    [LoggerMessage(LogLevel.Information, "PostgreSQL started, listening in {Folder}")]
    private partial void LogStarted(string folder);

    [LoggerMessage(LogLevel.Warning, "PostgreSQL does not start yet")]
    private partial void LogStartFailed(Exception failed);

    [LoggerMessage(LogLevel.Warning, "PostgreSQL died; starting it again")]
    private partial void LogDied();
}
