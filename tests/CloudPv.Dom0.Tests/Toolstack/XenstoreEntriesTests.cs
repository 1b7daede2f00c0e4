using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using CloudPv.Dom0.Block;
using CloudPv.Dom0.Disks;
using CloudPv.Dom0.Tests.Fakes;
using CloudPv.Dom0.Xenstore;
using CloudPv.Xen;

namespace CloudPv.Dom0.Tests.Toolstack;

/// <summary>The store before a guest's first instruction, against what <c>xenstore-ls -fp</c> shows on Xen 4.17 after <c>xl create</c> of the same domU.</summary>
public sealed class XenstoreEntriesTests : IDisposable
{
    // The first are private to libxl, the next need a hotplug script, a pty, or a network interface (tested with it); the last tells the time.
    private static readonly string[] NotOurs = ["/libxl", "/physical-device", "/tty", "/vif", "/start_time"];

    private readonly ScratchFolder _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_domU_with_a_disk_has_the_entries_that_xl_makes()
    {
        var store = new XenStore();
        using var dom0 = new LocalStore(store);
        var spec = new DomainSpec
        {
            Id = "domU",
            Uuid = Guid.Parse("87899d1b-e4ac-46d8-afff-8c2735d52d8e"),
            Kernel = "/p/kernel",
            Ramdisk = "/p/ramdisk",
            CommandLine = "console=hvc0",
            MemoryMiB = 256,
        };
        DomainNodes.CreateDom0(dom0);
        DomainNodes.Create(dom0, spec, new DomainId(1), new(new Mfn(143873), new EventPort(1)), new(new Mfn(143874), new EventPort(2)));
        using var device = new BlockDevice("xvda", "/dev/vdb", RawDisk.Open(_files.RandomFile("disk.raw", 8 << 20, seed: 1), readOnly: false, static _ => { }), static _ => { });
        using var xenbus = new XenbusDevice(dom0, new FakeGuest(), device, static _ => { });

        string[] golden = File.ReadAllLines(Path.Combine(Path.GetDirectoryName(ThisFile())!, "linux-domU.xenstore-at-start.txt"));
        Dump(store).Where(IsOurs).Order(StringComparer.Ordinal).ShouldBe(golden.Where(IsOurs).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Nothing_of_a_domU_is_left_when_it_is_gone()
    {
        var store = new XenStore();
        using var dom0 = new LocalStore(store);
        DomainNodes.CreateDom0(dom0);
        string[] before = [.. Dump(store)];
        var spec = new DomainSpec { Id = "domU", Kernel = "kernel" };
        DomainNodes.Create(dom0, spec, new DomainId(1), default, default);
        using (var device = new BlockDevice("xvda", "disk", RawDisk.Open(_files.RandomFile("disk.raw", 4096, seed: 1), readOnly: false, static _ => { }), static _ => { }))
        using (new XenbusDevice(dom0, new FakeGuest(), device, static _ => { }))
        {
        }
        DomainNodes.Remove(dom0, spec, new DomainId(1));
        string[] empties = ["/local/domain/0/backend = ", "/local/domain/0/backend/console = ", "/local/domain/0/backend/vbd = ", "/vm = "];
        Dump(store).Where(line => !empties.Any(line.StartsWith)).ShouldBe(before);
    }

    private static bool IsOurs(string line) => !NotOurs.Any(part => line.Contains(part, StringComparison.Ordinal));

    private static IEnumerable<string> Dump(XenStore store) => StoreTree.Walk("/", store.Tree.Root).Skip(1).Select(entry => string.Create(
        CultureInfo.InvariantCulture, $"{entry.Path} = \"{Encoding.UTF8.GetString(entry.Node.Value.Span)}\"   ({entry.Node.Permissions})"));

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
