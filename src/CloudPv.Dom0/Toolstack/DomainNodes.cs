using System.Globalization;
using CloudPv.Dom0.Xenstore;
using CloudPv.Xen;

namespace CloudPv.Dom0;

/// <summary>A ring page that the domain builder reserved in a guest, and the guest's port for it.</summary>
internal readonly record struct GuestRing(Mfn Frame, EventPort Port);

/// <summary>A PV domain's xenstore entries as xl makes them, but for its devices.</summary>
internal static class DomainNodes
{
    /// <summary>What the store holds before any domain.</summary>
    public static void CreateDom0(LocalStore store)
    {
        string home = StorePath.Home(DomainId.Zero);
        store.Write("/tool/xenstored", "");
        store.Write($"{home}/control/feature-poweroff", "1");
        store.Write($"{home}/control/feature-reboot", "1");
        store.Write($"{home}/control/feature-suspend", "1");
        store.Write($"{home}/domid", "0");
        store.Write($"{home}/name", "Domain-0");
        store.Write("/local/pool/0/name", "Pool-0");
    }

    public static void Create(LocalStore store, DomainSpec spec, DomainId id, GuestRing xenstore, GuestRing console)
    {
        string home = StorePath.Home(id), vm = VmPath(spec);
        StorePermissions readable = StorePermissions.OwnedReadableBy(DomainId.Zero, id), guests = StorePermissions.Of(id, StoreAccess.None);
        long memoryKiB = spec.MemoryMiB * 1024L;
        store.Atomically(changes =>
        {
            changes.Write(vm, "", readable);
            changes.Write($"{vm}/name", spec.Id);
            changes.Write($"{vm}/uuid", spec.Uuid.ToString());
            changes.Write($"{vm}/image/ostype", "linux");
            changes.Write($"{vm}/image/kernel", spec.Kernel);
            if (spec.Ramdisk is not null)
                changes.Write($"{vm}/image/ramdisk", spec.Ramdisk);
            changes.Write($"{vm}/image/cmdline", spec.CommandLine);
            changes.Write($"{vm}/start_time", (DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0).ToString("F2", CultureInfo.InvariantCulture));

            changes.Write(home, "", readable);
            changes.Write($"{home}/vm", vm);
            changes.Write($"{home}/name", spec.Id);
            changes.Write($"{home}/domid", id.Value);
            for (int cpu = 0; cpu < spec.Vcpus; cpu++)
                changes.Write($"{home}/cpu/{cpu}/availability", "online");
            changes.Write($"{home}/memory/static-max", memoryKiB);
            changes.Write($"{home}/memory/target", memoryKiB);
            changes.Write($"{home}/memory/videoram", "0");
            changes.Write($"{home}/device/suspend", "");
            changes.Write($"{home}/device/suspend/event-channel", "", guests);

            changes.Write($"{home}/control/shutdown", "", guests);
            changes.Write($"{home}/control/feature-poweroff", "", guests);
            changes.Write($"{home}/control/feature-reboot", "", guests);
            changes.Write($"{home}/control/feature-suspend", "", guests);
            changes.Write($"{home}/control/sysrq", "", guests);
            changes.Write($"{home}/control/platform-feature-multiprocessor-suspend", "1");
            changes.Write($"{home}/control/platform-feature-xs_reset_watches", "1");
            foreach (string own in (ReadOnlySpan<string>)["data", "drivers", "feature", "attr", "error"])
                changes.Write($"{home}/{own}", "", guests);

            changes.Write($"{home}/store/port", xenstore.Port.Value);
            changes.Write($"{home}/store/ring-ref", (long)xenstore.Frame.Value);
            CreateConsole(changes, id, console, readable);
        });
    }

    public static void Remove(LocalStore store, DomainSpec spec, DomainId id) => store.Atomically(changes =>
    {
        changes.Remove(StorePath.Home(id));
        changes.Remove(VmPath(spec));
        string backends = $"{StorePath.Home(DomainId.Zero)}/backend";
        foreach (string type in changes.List(backends))
            changes.Remove($"{backends}/{type}/{id.Value}");
    });

    private static void CreateConsole(LocalStore changes, DomainId id, GuestRing console, StorePermissions readable)
    {
        string frontend = $"{StorePath.Home(id)}/console", backend = $"{StorePath.Home(DomainId.Zero)}/backend/console/{id.Value}/0";
        changes.Write($"{frontend}/backend", backend);
        changes.Write($"{frontend}/backend-id", "0", StorePermissions.OwnedReadableBy(id, DomainId.Zero));
        changes.Write($"{frontend}/limit", Console.Scrollback.Limit);
        changes.Write($"{frontend}/type", "xenconsoled");
        changes.Write($"{frontend}/output", "pty");
        changes.Write($"{frontend}/port", console.Port.Value);
        changes.Write($"{frontend}/ring-ref", (long)console.Frame.Value);

        changes.Write(backend, "", readable);
        changes.Write($"{backend}/frontend", frontend);
        changes.Write($"{backend}/frontend-id", id.Value);
        changes.Write($"{backend}/online", "1");
        changes.Write($"{backend}/state", "1");
        changes.Write($"{backend}/protocol", "vt100");
    }

    private static string VmPath(DomainSpec spec) => $"/vm/{spec.Uuid}";
}
