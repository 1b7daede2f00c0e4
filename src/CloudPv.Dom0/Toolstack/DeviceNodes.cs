using System.Globalization;
using CloudPv.Dom0.Xenstore;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0;

/// <summary>The two xenstore directories of one device. What stands in the frontend's was written by the guest.</summary>
public sealed class DeviceNodes(LocalStore store, DomainId guest, string type, string id)
{
    public string FrontendPath { get; } = $"{StorePath.Home(guest)}/device/{type}/{id}";
    public string BackendPath { get; } = $"{StorePath.Home(DomainId.Zero)}/backend/{type}/{guest.Value}/{id}";

    /// <summary>Null where the guest wrote none.</summary>
    public string? ReadFrontend(string key) => store.Read($"{FrontendPath}/{key}");

    /// <summary>Null where the guest wrote no decimal number.</summary>
    public uint? ReadFrontendNumber(string key) => store.ReadNumber($"{FrontendPath}/{key}");

    public void WriteBackend(string key, string value) => store.Write($"{BackendPath}/{key}", value);

    public void WriteBackend(string key, long value) => store.Write($"{BackendPath}/{key}", value);

    public XenbusState FrontendState => (XenbusState)(ReadFrontendNumber("state") ?? 0);

    /// <summary>Makes both directories as the toolstack does, state Initialising.</summary>
    internal void Create(IDevice device)
    {
        StorePermissions backendRights = StorePermissions.OwnedReadableBy(DomainId.Zero, guest), frontendRights = StorePermissions.OwnedReadableBy(guest, DomainId.Zero);
        store.Atomically(changes =>
        {
            changes.Write($"{StorePath.Home(guest)}/device/{type}", "", backendRights);
            changes.Write(BackendPath, "", backendRights);
            changes.Write($"{BackendPath}/frontend", FrontendPath);
            changes.Write($"{BackendPath}/frontend-id", guest.Value);
            changes.Write($"{BackendPath}/online", "1");
            foreach ((string key, string value) in device.BackendEntries)
                changes.Write($"{BackendPath}/{key}", value);
            changes.Write($"{BackendPath}/state", Text(XenbusState.Initialising));

            changes.Write(FrontendPath, "", frontendRights);
            changes.Write($"{FrontendPath}/backend", BackendPath);
            changes.Write($"{FrontendPath}/backend-id", DomainId.Zero.Value);
            foreach ((string key, string value) in device.FrontendEntries)
                changes.Write($"{FrontendPath}/{key}", value);
            changes.Write($"{FrontendPath}/state", Text(XenbusState.Initialising));
        });
    }

    internal void Remove() => store.Atomically(changes =>
    {
        changes.Remove(BackendPath);
        changes.Remove(FrontendPath);
    });

    internal void SetBackendState(XenbusState state) => WriteBackend("state", Text(state));

    private static string Text(XenbusState state) => ((int)state).ToString(CultureInfo.InvariantCulture);
}
