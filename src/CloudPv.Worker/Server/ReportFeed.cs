using System.Threading.Channels;
using CloudPv.WorkerProtocol;

namespace CloudPv.Worker;

/// <summary>
/// What is told to those who watch this host. Reports are in the order of what they tell: nothing that a watcher reads
/// is older than what it read before.
/// </summary>
internal sealed class ReportFeed
{
    private readonly Lock _order = new();
    private readonly Dictionary<string, InstanceReport> _instances = [];
    private readonly HashSet<Channel<WorkerReport>> _watchers = [];

    /// <summary>A watcher's reports, the whole host first.</summary>
    public Channel<WorkerReport> Watch()
    {
        var watcher = Channel.CreateUnbounded<WorkerReport>(new UnboundedChannelOptions { SingleReader = true });
        lock (_order)
        {
            _watchers.Add(watcher);
            watcher.Writer.TryWrite(Host());
        }
        return watcher;
    }

    public void Unwatch(Channel<WorkerReport> watcher)
    {
        lock (_order)
            _watchers.Remove(watcher);
    }

    public void Changed(InstanceReport report)
    {
        lock (_order)
        {
            _instances[report.InstanceId] = report;
            Tell(report);
        }
    }

    public void Gone(string instanceId)
    {
        lock (_order)
        {
            _instances.Remove(instanceId);
            Tell(Host());
        }
    }

    public void Heartbeat()
    {
        lock (_order)
            Tell(Host());
    }

    private HostReport Host() => new(HostResources.Read(), [.. _instances.Values]);

    private void Tell(WorkerReport report)
    {
        foreach (var watcher in _watchers)
            watcher.Writer.TryWrite(report);
    }
}
