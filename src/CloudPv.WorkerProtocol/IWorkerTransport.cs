namespace CloudPv.WorkerProtocol;

/// <summary>The way to one host's worker. Another host is another transport, not another design.</summary>
public interface IWorkerTransport
{
    /// <summary>Carries a request out and gives its answer.</summary>
    /// <exception cref="WorkerRefusedException">The worker says why not.</exception>
    /// <exception cref="WorkerUnreachableException">No worker answers.</exception>
    Task<WorkerAnswer> SendAsync(WorkerRequest request, CancellationToken cancel);

    /// <summary>The worker's reports, a <see cref="HostReport"/> first, until it goes away.</summary>
    /// <exception cref="WorkerUnreachableException">No worker answers, or it went away.</exception>
    IAsyncEnumerable<WorkerReport> WatchAsync(CancellationToken cancel);

    /// <summary>Attaches to a running instance's console; the connection then carries raw bytes.</summary>
    /// <inheritdoc cref="SendAsync" path="/exception"/>
    Task<JsonLineConnection> AttachConsoleAsync(string instanceId, CancellationToken cancel);
}
