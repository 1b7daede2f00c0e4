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
            .Select(t => new InstanceTypeResource(t.Name, t.Vcpus, t.MemoryMiB)).ToListAsync(cancel);
        return TypedResults.Ok(new Page<InstanceTypeResource>(types, null));
    }
}

internal sealed record InstanceTypeResource(string Name, int Vcpus, int MemoryMiB);
