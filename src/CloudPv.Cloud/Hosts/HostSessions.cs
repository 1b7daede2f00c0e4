using CloudPv.WorkerProtocol;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace CloudPv.Cloud;

/// <summary>The way to each host that the cloud was told of.</summary>
public sealed record HostAddress(string Id, IWorkerTransport Transport);

/// <summary>All hosts: keeps a session with each, and finds the one for a request.</summary>
public sealed class HostSessions(IEnumerable<HostAddress> addresses, IServiceProvider services) : BackgroundService
{
    private readonly Dictionary<string, HostSession> _sessions = addresses.ToDictionary(
        a => a.Id,
        a => ActivatorUtilities.CreateInstance<HostSession>(services, a.Id, a.Transport));

    public bool IsConnected(string hostId) => _sessions.TryGetValue(hostId, out var session) && session.Connected;

    /// <inheritdoc cref="HostSession.Wake"/>
    public void Wake(Instance instance) => _sessions.GetValueOrDefault(instance.HostId)?.Wake(instance.Id);

    /// <summary>Carries out a request on one host.</summary>
    public Task<WorkerAnswer> SendAsync(string hostId, WorkerRequest request, CancellationToken cancel) =>
        AskAsync(hostId, transport => transport.SendAsync(request, cancel));

    /// <summary>Carries out a request that any host can.</summary>
    public Task<WorkerAnswer> SendToAnyAsync(WorkerRequest request, CancellationToken cancel) =>
        SendAsync(_sessions.Values.FirstOrDefault(s => s.Connected)?.HostId ?? "", request, cancel);

    public Task<JsonLineConnection> AttachConsoleAsync(Instance instance, CancellationToken cancel) =>
        AskAsync(instance.HostId, transport => transport.AttachConsoleAsync(instance.Id, cancel));

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(_sessions.Values.Select(s => s.RunAsync(stoppingToken)));

    private async Task<T> AskAsync<T>(string hostId, Func<IWorkerTransport, Task<T>> ask)
    {
        try
        {
            if (_sessions.TryGetValue(hostId, out var session))
                return await ask(session.Transport);
        }
        catch (WorkerRefusedException refused)
        {
            throw new CloudException(Refusal.Conflict, "HostRefused", refused.Message);
        }
        catch (WorkerUnreachableException)
        {
            // Said below, as if it had not been there from the start.
        }
        throw new CloudException(Refusal.Unavailable, "HostUnavailable", "No worker answers on the host that this needs; try again soon.");
    }
}
