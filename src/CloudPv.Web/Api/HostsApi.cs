using CloudPv.Cloud;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CloudPv.Web;

internal static class HostsApi
{
    public static void MapHosts(this IEndpointRouteBuilder api) =>
        api.MapGet("/hosts", ListAsync).WithTags("Hosts").WithName("ListHosts").WithSummary("Lists the hosts and what of them is in use");

    private static async Task<Ok<Page<HostResource>>> ListAsync(HostCatalogue hosts, CancellationToken cancel) =>
        TypedResults.Ok(new Page<HostResource>([.. (await hosts.ListAsync(cancel)).Select(HostResource.From)], null));
}

/// <param name="State"><c>available</c> or <c>unreachable</c>.</param>
internal sealed record HostResource(
    string Id, string Name, string State, int Cpus, int MemoryMiB, long MemoryHeldMiB, int Instances, DateTimeOffset HeartbeatAt)
{
    public static HostResource From(HostUse use) => new(
        use.Host.Id, use.Host.Name, use.Available ? "available" : "unreachable", use.Host.Cpus, use.Host.MemoryMiB, use.MemoryHeldMiB, use.Instances,
        use.Host.HeartbeatAt);
}
