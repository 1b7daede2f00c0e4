using System.Security.Claims;
using CloudPv.Cloud;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace CloudPv.Web;

internal static class InstancesApi
{
    public static void MapInstances(this IEndpointRouteBuilder api)
    {
        var instances = api.MapGroup("/instances").WithTags("Instances");
        instances.MapGet("", ListAsync).WithName("ListInstances").WithSummary("Lists instances, newest first");
        instances.MapGet("/{id}", GetAsync).WithName("GetInstance").WithSummary("One instance").ProducesProblem(404);
        instances.MapPost("", LaunchAsync).WithName("LaunchInstances").WithSummary("Launches one or more instances")
            .ProducesProblem(400).ProducesProblem(404).ProducesProblem(409).ProducesProblem(503);
        instances.MapPost("/{id}/start", StartAsync).WithName("StartInstance").WithSummary("Starts a stopped instance").ProducesProblem(404).ProducesProblem(409);
        instances.MapPost("/{id}/stop", StopAsync).WithName("StopInstance").WithSummary("Asks the guest to power off; with force, ends its domain")
            .ProducesProblem(404).ProducesProblem(409);
        instances.MapPost("/{id}/reboot", RebootAsync).WithName("RebootInstance").WithSummary("Asks the guest to reboot").ProducesProblem(404).ProducesProblem(409);
        instances.MapDelete("/{id}", TerminateAsync).WithName("TerminateInstance").WithSummary("Ends an instance for good, with its disk").ProducesProblem(404);
    }

    private static async Task<Ok<Page<InstanceResource>>> ListAsync(
        ClaimsPrincipal caller,
        InstanceCatalogue instances,
        string[]? state,
        string? imageId,
        string? instanceType,
        string? name,
        string? reservationId,
        int? limit,
        string? cursor,
        CancellationToken cancel)
    {
        var states = state?.Select(s => Words.Parse<InstanceState>("state", s)).ToList();
        var filter = new InstanceFilter(states, imageId, instanceType, name, reservationId);
        var page = await instances.ListAsync(caller.AccountId(), filter, new PageRequest(limit, cursor), cancel);
        return TypedResults.Ok(page.ConvertAll(InstanceResource.From));
    }

    private static async Task<Ok<InstanceResource>> GetAsync(string id, ClaimsPrincipal caller, InstanceCatalogue instances, CancellationToken cancel) =>
        TypedResults.Ok(InstanceResource.From(await instances.GetAsync(caller.AccountId(), id, cancel)));

    private static async Task<Accepted<ReservationResource>> LaunchAsync(
        LaunchRequest request, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey, ClaimsPrincipal caller, Launches launches, CancellationToken cancel)
    {
        var token = request.ClientToken ?? idempotencyKey;
        var reservation = await launches.LaunchAsync(caller.AccountId(), request.ToLaunch(), token is null ? null : new ClientToken(token), cancel);
        return TypedResults.Accepted(
            $"/api/v1/instances?reservationId={reservation.Id}",
            new ReservationResource(reservation.Id, [.. reservation.Instances.Select(InstanceResource.From)]));
    }

    private static async Task<Accepted<InstanceResource>> StartAsync(string id, ClaimsPrincipal caller, InstanceCatalogue instances, CancellationToken cancel) =>
        Accepted(await instances.StartAsync(caller.AccountId(), id, cancel));

    private static async Task<Accepted<InstanceResource>> StopAsync(
        string id, bool? force, ClaimsPrincipal caller, InstanceCatalogue instances, CancellationToken cancel) =>
        Accepted(await instances.StopAsync(caller.AccountId(), id, force ?? false, cancel));

    private static async Task<Accepted<InstanceResource>> RebootAsync(string id, ClaimsPrincipal caller, InstanceCatalogue instances, CancellationToken cancel) =>
        Accepted(await instances.RebootAsync(caller.AccountId(), id, cancel));

    private static async Task<Accepted<InstanceResource>> TerminateAsync(string id, ClaimsPrincipal caller, InstanceCatalogue instances, CancellationToken cancel) =>
        Accepted(await instances.TerminateAsync(caller.AccountId(), id, cancel));

    private static Accepted<InstanceResource> Accepted(Instance instance) =>
        TypedResults.Accepted($"/api/v1/instances/{instance.Id}", InstanceResource.From(instance));
}

/// <param name="Count">1 where not given.</param>
/// <param name="Name">The image's where not given.</param>
/// <param name="Vcpus">1 to 32, instead of the type's.</param>
/// <param name="MemoryMiB">Instead of the type's.</param>
/// <param name="ClientToken">Makes a repeated request one launch; the Idempotency-Key header does the same.</param>
internal sealed record LaunchRequest(
    string ImageId,
    string InstanceType,
    int? Count = null,
    string? Name = null,
    int? Vcpus = null,
    int? MemoryMiB = null,
    string? KernelId = null,
    string? RamdiskId = null,
    string? CommandLine = null,
    string? ClientToken = null)
{
    public NewLaunch ToLaunch() => new(ImageId, InstanceType, Count, Name, Vcpus, MemoryMiB, KernelId, RamdiskId, CommandLine);
}

internal sealed record ReservationResource(string Id, IReadOnlyList<InstanceResource> Instances);

/// <param name="StateCode">EC2's code of the state.</param>
/// <param name="StateReason">Why it is in this state, where that isn't plain.</param>
internal sealed record InstanceResource(
    string Id,
    string Name,
    InstanceState State,
    int StateCode,
    StateReasonResource? StateReason,
    DateTimeOffset StateChangedAt,
    string ImageId,
    string KernelId,
    string? RamdiskId,
    string InstanceType,
    int Vcpus,
    int MemoryMiB,
    string CommandLine,
    string HostId,
    string MacAddress,
    string PrivateIp,
    string ReservationId,
    int LaunchIndex,
    DateTimeOffset CreatedAt,
    DateTimeOffset LaunchedAt)
{
    public static InstanceResource From(Instance instance) => new(
        instance.Id, instance.Name, instance.State, (int)instance.State,
        instance.StateReason is null ? null : new StateReasonResource(instance.StateReason, instance.StateMessage ?? ""), instance.StateChangedAt,
        instance.ImageId, instance.KernelId, instance.RamdiskId, instance.InstanceType, instance.Vcpus, instance.MemoryMiB, instance.CommandLine,
        instance.HostId, instance.MacAddress, instance.PrivateIp, instance.ReservationId, instance.LaunchIndex, instance.CreatedAt, instance.LaunchedAt);
}

/// <param name="Code"><c>user-request</c>, <c>poweroff</c>, <c>reboot</c>, <c>suspend</c>, <c>crash</c>, <c>watchdog</c>, <c>build-failed</c>, <c>killed</c>, <c>lost</c>, …</param>
internal sealed record StateReasonResource(string Code, string Message);
