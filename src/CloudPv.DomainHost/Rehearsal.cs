using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using CloudPv.Dom0;

namespace CloudPv.DomainHost;

/// <summary>
/// Runs a tiny guest of our own from its spec to its power-off, and asks of it what a worker asks, so that .NET has linked and compiled what the first seconds of any
/// domain need. What it left behind on the heap is given back.
/// </summary>
internal static class Rehearsal
{
    /// <param name="folder">Made for it, and removed.</param>
    public static async Task RunAsync(string folder)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            string kernel = Path.Combine(folder, "kernel"), spec = Path.Combine(folder, "spec.json"), socket = Path.Combine(folder, "control.sock");
            await File.WriteAllBytesAsync(kernel, RehearsalKernel.Make());
            await using (FileStream file = File.Create(spec))
                await JsonSerializer.SerializeAsync(file, Spec(folder, kernel, socket), DomainSpecJson.Default.DomainSpec);
            Task<int> running = DomainProcess.RunAsync(DomainSpec.Load(spec), socket, ExitFile.PathFor(socket), listening: static () => { });
            await Task.WhenAll(running, WatchAsync(socket), TypeAsync(socket));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        HeapTrim.Now();
    }

    private static DomainSpec Spec(string folder, string kernel, string socket) => new()
    {
        Id = "rehearsal",
        Kernel = kernel,
        MemoryMiB = 8,
        Disks = [new("xvda", kernel, Path.Combine(folder, "xvda.overlay"))],
        Nics = [new("00:16:3e:00:00:01")],
        ControlSocket = socket,
        ConsoleLog = Path.Combine(folder, "console.log"),
    };

    private static async Task WatchAsync(string socket)
    {
        await using NetworkStream control = await ConnectAsync(socket, "watch");
        await control.CopyToAsync(Stream.Null);
    }

    // The guest powers off at the first key.
    private static async Task TypeAsync(string socket)
    {
        await using NetworkStream console = await ConnectAsync(socket, "console");
        string seen = "";
        byte[] buffer = new byte[256];
        for (int read; !seen.EndsWith(RehearsalKernel.Greeting, StringComparison.Ordinal) && (read = await console.ReadAsync(buffer)) > 0;)
            seen += Encoding.ASCII.GetString(buffer, 0, read);
        await console.WriteAsync("\n"u8.ToArray());
        await console.CopyToAsync(Stream.Null);
    }

    private static async Task<NetworkStream> ConnectAsync(string path, string command)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
        var stream = new NetworkStream(socket, ownsSocket: true);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($$"""{"command":"{{command}}"}""" + "\n"));
        return stream;
    }
}
