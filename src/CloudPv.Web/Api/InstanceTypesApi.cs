using CloudPv.Cloud;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace CloudPv.Web;

internal static class InstanceTypesApi
{
    public static void MapInstanceTypes(this IEndpointRouteBuilder api) =>
        api.MapGet("/instance-types", ListAsync).WithTags("Instance types").WithName("ListInstanceTypes").WithSummary("Lists the instance types, smallest first");

    private static async Task<Ok<Page<InstanceTypeResource>>> ListAsync(IDbContextFactory<CloudContext> database, CancellationToken cancel)
    {
        await using var db = await database.CreateDbContextAsync(cancel);
        var types = await db.InstanceTypes.AsNoTracking().OrderBy(t => t.MemoryMiB).ThenBy(t => t.Vcpus)
            .Select(t => new InstanceTypeResource(t.Name, t.Vcpus, t.MemoryMiB, t.CpuWeight, t.CpuCap)).ToListAsync(cancel);
        return TypedResults.Ok(new Page<InstanceTypeResource>(types, null));
    }
}

/// <param name="CpuWeight">Its share of processor time against a host's other instances, as Xen's credit scheduler counts it.</param>
/// <param name="CpuCap">The most processor time of all its vCPUs, in percent of one processor; 0: no limit.</param>
internal sealed record InstanceTypeResource(string Name, int Vcpus, int MemoryMiB, int CpuWeight, int CpuCap);
