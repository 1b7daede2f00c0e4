using CloudPv.Dom0.Net;
using CloudPv.WorkerProtocol;

namespace CloudPv.Worker;

/// <summary>
/// The host's network, made when it is first needed: a host that can't have one does all else, and has one as soon as
/// what was missing is installed.
/// </summary>
internal sealed class NetworkOnDemand(NetworkPlan plan) : IDisposable
{
    private readonly Lock _making = new();
    private HostNetwork? _network;

    /// <exception cref="WorkerRefusedException">The host lacks what it needs; says what.</exception>
    public HostNetwork Get()
    {
        lock (_making)
        {
            try
            {
                return _network ??= new HostNetwork(plan);
            }
            catch (NatUnavailableException missing)
            {
                throw new WorkerRefusedException($"The host has no network for instances. {missing.Message}.");
            }
        }
    }

    public void Dispose() => _network?.Dispose();
}
