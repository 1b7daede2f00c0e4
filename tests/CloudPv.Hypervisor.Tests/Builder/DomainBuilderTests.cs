using System.Text;
using CloudPv.X86;
using CloudPv.Xen;

namespace CloudPv.Hypervisor.Tests;

/// <summary>Start-of-day memory as xen.h describes it and as Xen 4.17's tools lay it out.</summary>
public sealed class DomainBuilderTests : IDisposable
{
    private const ulong PageSize = 4096;

    private readonly Host _host = new(new HostOptions());

    public void Dispose() => _host.Dispose();

    /// <summary>The layout of Debian's kernel on real Xen: start_info right behind the kernel, then the rings, 35 tables, the stack; the ramdisk behind 4 MiB's end,
    /// then the p2m list and its 4 tables.</summary>
    [Fact]
    public void Debians_kernel_is_laid_out_as_on_real_Xen()
    {
        byte[] ramdisk = Encoding.ASCII.GetBytes(new string('r', 5000));
        Domain domain = Build(DebianKernel.Vmlinuz, ramdisk, memory: 256, "console=hvc0");
        using KernelImage kernel = KernelImage.Inspect(DebianKernel.Vmlinuz);
        ref CpuState state = ref domain.Vcpus[0].Cpu.State;
        StartInfo info = Read<StartInfo>(domain, state.Rsi);
        ulong start = kernel.VirtualEnd + PageSize - 1 & ~(PageSize - 1);

        state.Rip.ShouldBe(kernel.Notes.Entry!.Value);
        state.Rsi.ShouldBe(start);
        info.PtBase.ShouldBe(start + 3 * PageSize);
        info.NrPtFrames.ShouldBe(3 + MappedEnd(start) / (2 << 20));
        state.Rsp.ShouldBe(info.PtBase + (info.NrPtFrames + 1) * PageSize);
        info.NrPages.ShouldBe(65536UL);
        info.Flags.ShouldBe(StartInfoFlags.ModStartPfn);
        info.ModStart.ShouldBe(MappedEnd(start) / PageSize);
        info.ModLen.ShouldBe(2 * PageSize);
        info.MfnList.ShouldBe(0x8000000000UL);
        info.FirstP2mPfn.ShouldBe(info.ModStart + 2);
        info.NrP2mFrames.ShouldBe(128UL + 3);
        Encoding.ASCII.GetString(((ReadOnlySpan<byte>)info.Magic)[..15]).ShouldBe("xen-3.0-x86_64\0");
        Encoding.ASCII.GetString(((ReadOnlySpan<byte>)info.CmdLine)[..13]).ShouldBe("console=hvc0\0");
    }

    [Fact]
    public void The_p2m_list_and_the_machine_to_phys_table_agree()
    {
        Domain domain = Build(new TestKernel { InitP2m = 0x8000000000 }.Build());
        for (ulong pfn = 0; pfn < domain.Memory.InitialPages; pfn += 97)
        {
            ulong mfn = Read<ulong>(domain, 0x8000000000 + pfn * 8);
            mfn.ShouldNotBe(pfn);
            Read<ulong>(domain, GuestAddressSpace.MachineToPhysStart + mfn * 8).ShouldBe(pfn);
        }
    }

    [Fact]
    public void A_kernel_without_a_place_for_its_p2m_list_finds_it_in_its_own_mapping()
    {
        Domain domain = Build(new TestKernel().Build());
        StartInfo info = StartInfoOf(domain);
        info.MfnList.ShouldBe(TestKernel.VirtualBase + TestKernel.Physical + TestKernel.Size);
        info.NrP2mFrames.ShouldBe(0UL);
        Read<ulong>(domain, info.MfnList).ShouldBe(domain.Memory.First.Value);
    }

    [Fact]
    public void A_ramdisk_is_mapped_where_the_kernel_does_not_ask_for_its_pfn()
    {
        Domain domain = Build(new TestKernel().Build(), "cpio"u8.ToArray());
        StartInfo info = StartInfoOf(domain);
        info.Flags.ShouldBe(StartInfoFlags.None);
        Read<uint>(domain, info.ModStart).ShouldBe(BitConverter.ToUInt32("cpio"u8));
        info.ModLen.ShouldBe(PageSize);
    }

    [Fact]
    public void The_tables_are_mapped_read_only_and_all_else_writable()
    {
        Domain domain = Build(new TestKernel().Build());
        StartInfo info = StartInfoOf(domain);
        ulong end = TestKernel.VirtualBase + MappedEnd(info.PtBase);
        for (ulong address = TestKernel.VirtualBase; address < end; address += PageSize)
        {
            bool isTable = address >= info.PtBase && address < info.PtBase + info.NrPtFrames * PageSize;
            domain.Vcpus[0].TryWrite(new(address), Read<byte>(domain, address)).ShouldBe(!isTable, $"{address:x}");
        }
        domain.Vcpus[0].TryRead(new(end), out byte _).ShouldBeFalse();
    }

    [Fact]
    public void At_least_512_KiB_are_mapped_behind_the_boot_stack()
    {
        Domain domain = Build(new TestKernel().Build());
        ulong stack = domain.Vcpus[0].Cpu.State.Rsp;
        domain.Vcpus[0].TryRead(new(stack + (512 << 10) - 1), out byte _).ShouldBeTrue();
    }

    [Fact]
    public void The_rings_ports_and_shared_info_are_named()
    {
        Domain domain = Build(new TestKernel().Build());
        StartInfo info = StartInfoOf(domain);
        info.StoreMfn.ShouldBe(domain.XenstoreFrame.Value);
        info.StoreEvtchn.ShouldBe(domain.XenstorePort.Value);
        info.ConsoleMfn.ShouldBe(domain.ConsoleFrame.Value);
        info.ConsoleEvtchn.ShouldBe(domain.ConsolePort.Value);
        info.SharedInfo.ShouldBe(domain.SharedInfoFrame.Value * PageSize);
    }

    [Fact]
    public void The_image_is_loaded_and_the_rest_is_zero()
    {
        Domain domain = Build(new TestKernel().Build());
        Read<byte>(domain, TestKernel.EntryPoint).ShouldBe((byte)0xf4);
        Read<byte>(domain, TestKernel.VirtualBase + TestKernel.Physical + 0x1000).ShouldBe((byte)0);
    }

    [Fact]
    public void The_pages_of_an_image_stand_where_they_belong_although_those_of_zeros_between_them_are_left_out()
    {
        byte[] image = new byte[TestKernel.Size];
        foreach (int at in (ReadOnlySpan<int>)[0, 4095, 2 * 4096 + 1])
            image[at] = 0x5a;
        Domain domain = Build(new TestKernel { Image = image, FileSize = TestKernel.Size }.Build());
        for (int at = 0; at < image.Length; at++)
            Read<byte>(domain, TestKernel.VirtualBase + TestKernel.Physical + (ulong)at).ShouldBe(image[at], $"{at:x}");
    }

    [Fact]
    public void A_ramdisk_file_that_became_shorter_is_refused()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, new byte[64 << 10]);
            using PageBuffer ramdisk = PageBuffer.MapFile(path);
            File.WriteAllBytes(path, []);
            var config = new DomainConfig { Id = new(1), Name = "test", Kernel = new TestKernel().Build(), Ramdisk = ramdisk.Memory, MemoryMiB = 16 };
            Should.Throw<DomainBuildException>(() => Domain.Build(_host, config)).Message.ShouldContain("ramdisk");
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void The_hypercall_page_calls_Xen_by_number()
    {
        const ulong Page = TestKernel.VirtualBase + TestKernel.Physical + 0x1000;
        Domain domain = Build(new TestKernel { HypercallPage = Page }.Build());
        Read<ulong>(domain, Page + 17 * 32).ShouldBe(0x00_0000_11b8_5341_51UL);
        Read<ushort>(domain, Page + 17 * 32 + 8).ShouldBe((ushort)0x050f);
        Read<ushort>(domain, Page + 23 * 32 + 9).ShouldBe((ushort)0x050f);
    }

    [Theory]
    [InlineData(2, "too small")]
    [InlineData(0, "cannot have 0 MiB")]
    [InlineData(1 << 24, "but this host has")]
    public void Memory_that_cannot_be_is_refused(int megabytes, string reason) =>
        Should.Throw<DomainBuildException>(() => Build(new TestKernel().Build(), memory: megabytes)).Message.ShouldContain(reason);

    [Fact]
    public void A_ramdisk_larger_than_the_domain_is_refused() =>
        Should.Throw<DomainBuildException>(() => Build(new TestKernel().Build(), new byte[17 << 20])).Message.ShouldContain("ramdisk");

    [Fact]
    public void A_command_line_longer_than_its_field_is_refused() =>
        Should.Throw<DomainBuildException>(() => Build(new TestKernel().Build(), commandLine: new string('x', 1024))).Message.ShouldContain("command line");

    [Fact]
    public void A_domain_that_could_not_be_built_leaves_its_frames_free()
    {
        Should.Throw<DomainBuildException>(() => Build("text"u8.ToArray()));
        Build(new TestKernel().Build()).Memory.First.ShouldBe(Host.FirstDomainFrame);
    }

    [Fact]
    public void A_domain_that_ends_gives_its_memory_back()
    {
        using (Domain domain = Build(new TestKernel().Build()))
            domain.Vcpus[0].TryWrite(new(TestKernel.VirtualBase + 0x300000), 0x4711UL).ShouldBeTrue();
        Domain next = Build(new TestKernel().Build());
        next.Memory.First.ShouldBe(Host.FirstDomainFrame);
        Read<ulong>(next, TestKernel.VirtualBase + 0x300000).ShouldBe(0UL);
    }

    private Domain Build(byte[] kernel, byte[]? ramdisk = null, int memory = 16, string commandLine = "") =>
        Domain.Build(_host, new DomainConfig
        {
            Id = new(1),
            Name = "test",
            Kernel = kernel,
            Ramdisk = ramdisk,
            MemoryMiB = memory,
            CommandLine = commandLine,
        });

    private static StartInfo StartInfoOf(Domain domain) => Read<StartInfo>(domain, domain.Vcpus[0].Cpu.State.Rsi);

    private static T Read<T>(Domain domain, ulong address) where T : unmanaged
    {
        domain.Vcpus[0].TryRead(new(address), out T value).ShouldBeTrue($"{address:x}");
        return value;
    }

    /// <summary>The end of the kernel's mapping, counted from its base, for a start_info page or page tables at an address.</summary>
    private static ulong MappedEnd(ulong address) => (address - TestKernel.VirtualBase + (600 << 10) | (4UL << 20) - 1) + 1;
}
