using System.Text;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>Lays out a PV domain's first memory from its kernel and ramdisk, as Xen's own domain builder does (xen.h, "Start-of-day memory layout").</summary>
internal sealed unsafe class DomainBuilder
{
    private const ulong PageSize = 4096;
    private const ulong PaddingPages = (512 << 10) / PageSize;
    private const ulong MappingAlignment = 4UL << 20;

    private readonly DomainConfig _config;
    private readonly DomainMemory _memory;
    private readonly KernelImage _kernel;
    private readonly DomainLayout _layout;
    private readonly InitialPageTables _tables = new();
    private readonly ulong _p2mPages;

    private PageRun _ramdisk, _p2m, _p2mTables, _pageTables;
    private Pfn _startInfo, _xenstore, _console, _bootStack;

    private DomainBuilder(DomainMemory memory, DomainConfig config, KernelImage kernel)
    {
        _config = config;
        _memory = memory;
        _kernel = kernel;
        _layout = new DomainLayout(_kernel.VirtualBase, _memory.InitialPages);
        _p2mPages = DomainLayout.PagesFor(_memory.InitialPages * sizeof(ulong));
        if (Encoding.UTF8.GetByteCount(config.CommandLine) >= StartInfo.CommandLineBytes.Length)
            throw new DomainBuildException($"The kernel's command line has {config.CommandLine.Length} characters; {StartInfo.CommandLineBytes.Length - 1} are the most.");
    }

    /// <summary>Fills the memory of a domain of which nothing else need exist: image, ramdisk, p2m, page tables. Throws <see cref="DomainBuildException"/>.</summary>
    public static DomainBuilder Load(DomainMemory memory, DomainConfig config)
    {
        using KernelImage kernel = KernelImage.Open(config.Kernel);
        var builder = new DomainBuilder(memory, config, kernel);
        builder.Place();
        builder.LoadKernel();
        builder.LoadRamdisk();
        builder.WriteP2m();
        builder.WriteHypercallPage();
        builder._tables.Write(memory);
        return builder;
    }

    /// <summary>Writes start_info with <see cref="Domain.XenstorePort"/>, <see cref="Domain.ConsolePort"/> and <see cref="Domain.SharedInfoFrame"/>, and takes the page
    /// tables into use.</summary>
    public StartOfDay Finish(Domain domain)
    {
        WriteStartInfo(domain);
        Mfn root = _memory.InitialFrame(_pageTables.First);
        _memory.PinInitialTables(root);
        return new StartOfDay(
            new(_kernel.Entry), _layout.AddressOf(_startInfo), new(_layout.AddressOf(_bootStack).Value + PageSize), root,
            _memory.InitialFrame(_xenstore), _memory.InitialFrame(_console));
    }

    /// <summary>A kernel that says where its p2m list goes wants it outside of its own mapping; so it may want its ramdisk.</summary>
    private bool P2mIsOutside => _kernel.Notes.P2mBase is { } address && address < _kernel.VirtualBase && address % PageSize == 0;

    private bool RamdiskIsOutside => _kernel.Notes.RamdiskByPfn;

    private void Place()
    {
        _layout.PadTo(_kernel.VirtualEnd, "kernel");
        if (!RamdiskIsOutside)
            PlaceRamdisk();
        if (!P2mIsOutside)
            _p2m = _layout.Take(_p2mPages, "p2m list");
        _startInfo = TakePage("start_info page");
        _xenstore = TakePage("xenstore page");
        _console = TakePage("console page");
        PlacePageTables();
        if (RamdiskIsOutside)
            PlaceRamdisk();
        if (P2mIsOutside)
            PlaceP2mOutside(_kernel.Notes.P2mBase!.Value);
    }

    private Pfn TakePage(string what) => _layout.Take(1, what).First;

    private void PlaceRamdisk() => _ramdisk = _layout.Take(DomainLayout.PagesFor((ulong)_config.Ramdisk.Length), "ramdisk");

    /// <summary>The tables map all that is laid out so far, themselves, the boot stack and at least 512 KiB more, up to a multiple of 4 MiB.</summary>
    private void PlacePageTables()
    {
        ulong start = _kernel.VirtualBase, tables = 0, needed, end;
        do
        {
            end = ((_layout.NextAddress + (tables + 1 + PaddingPages) * PageSize) | (MappingAlignment - 1)) + 1;
            tables = _tables.CountMissing(start, end);
            needed = _layout.NextAddress + (tables + 1 + PaddingPages) * PageSize;
        }
        while (needed > end);
        _pageTables = _layout.Take(tables, "page tables");
        _bootStack = TakePage("boot stack");
        _layout.PadTo(end, "boot memory");
        _tables.Add(start, new(new(0), (end - start) / PageSize), _pageTables.First);
    }

    private void PlaceP2mOutside(ulong address)
    {
        _p2m = _layout.Take(_p2mPages, "p2m list");
        _p2mTables = _layout.Take(_tables.CountMissing(address, address + _p2mPages * PageSize), "page tables of the p2m list");
        _tables.Add(address, _p2m, _p2mTables.First);
    }

    private void LoadKernel()
    {
        foreach (ElfSegment segment in _kernel.Elf.Segments)
        {
            ulong offset = segment.Physical + _kernel.VirtualOffset - _kernel.VirtualBase;
            for (ulong loaded = 0; loaded < segment.FileSize;)
            {
                ReadOnlySpan<byte> part = _kernel.File.Part(segment.FileOffset + loaded, segment.FileSize - loaded);
                LoadNonZero(offset + loaded, part);
                loaded += (ulong)part.Length;
            }
        }
    }

    /// <summary>Leaves out pages of zeros, as a kernel's file may hold some MiB of its .bss: the domain's memory is zero, and what isn't written takes none of the host's.</summary>
    private void LoadNonZero(ulong offset, ReadOnlySpan<byte> bytes)
    {
        int start = 0, end;
        for (int at = 0; at < bytes.Length; at = end)
        {
            end = (int)Math.Min((ulong)bytes.Length, (ulong)at + PageSize - (offset + (ulong)at) % PageSize);
            if (bytes[at..end].ContainsAnyExcept((byte)0))
                continue;
            Load("kernel", offset + (ulong)start, bytes[start..at]);
            start = end;
        }
        Load("kernel", offset + (ulong)start, bytes[start..]);
    }

    private void LoadRamdisk() => Load("ramdisk", _ramdisk.First.Value * PageSize, _config.Ramdisk.Span);

    private void Load(string what, ulong offset, ReadOnlySpan<byte> bytes)
    {
        try
        {
            _memory.Load(offset, bytes);
        }
        catch (IOException e)
        {
            throw new DomainBuildException($"The {what} cannot be brought into the domain's memory: {e.Message}");
        }
    }

    private void WriteP2m()
    {
        var list = (ulong*)_memory.Pointer(_memory.InitialFrame(_p2m.First));
        for (ulong page = 0; page < _memory.InitialPages; page++)
        {
            Mfn frame = _memory.InitialFrame(new(page));
            list[page] = frame.Value;
            _memory.SetPhysicalOf(frame, page);
        }
    }

    private void WriteStartInfo(Domain domain)
    {
        ref StartInfo info = ref *(StartInfo*)_memory.Pointer(_memory.InitialFrame(_startInfo));
        StartInfo.MagicX64.CopyTo(info.Magic);
        info.NrPages = _memory.InitialPages;
        info.SharedInfo = domain.SharedInfoFrame.Value * PageSize;
        info.StoreMfn = _memory.InitialFrame(_xenstore).Value;
        info.StoreEvtchn = domain.XenstorePort.Value;
        info.ConsoleMfn = _memory.InitialFrame(_console).Value;
        info.ConsoleEvtchn = domain.ConsolePort.Value;
        info.PtBase = _layout.AddressOf(_pageTables.First).Value;
        info.NrPtFrames = _pageTables.Count;
        info.MfnList = P2mIsOutside ? _kernel.Notes.P2mBase!.Value : _layout.AddressOf(_p2m.First).Value;
        if (P2mIsOutside)
        {
            info.FirstP2mPfn = _p2m.First.Value;
            info.NrP2mFrames = _p2m.Count + _p2mTables.Count;
        }
        WriteRamdiskInfo(ref info);
        Encoding.UTF8.GetBytes(_config.CommandLine, info.CmdLine);
    }

    private void WriteRamdiskInfo(ref StartInfo info)
    {
        if (_ramdisk.Count == 0)
            return;
        info.ModStart = RamdiskIsOutside ? _ramdisk.First.Value : _layout.AddressOf(_ramdisk.First).Value;
        info.ModLen = _ramdisk.Count * PageSize;
        if (RamdiskIsOutside)
            info.Flags |= StartInfoFlags.ModStartPfn;
    }

    private void WriteHypercallPage()
    {
        if (_kernel.Notes.HypercallPage is { } address)
            HypercallPage.Write(Memory((address - _kernel.VirtualBase) & ~(PageSize - 1), PageSize));
    }

    /// <summary>The domain's memory from a byte offset on: its initial frames are one range. SAFETY: the layout has checked that the range is within the domain.</summary>
    private Span<byte> Memory(ulong offset, ulong length) => new(_memory.Pointer(_memory.First) + offset, (int)length);
}

/// <summary>Where vCPU 0 begins, and what the builder placed for the toolstack.</summary>
internal readonly record struct StartOfDay(
    GuestVirtual Entry, GuestVirtual StartInfo, GuestVirtual StackTop, Mfn PageTable, Mfn XenstoreFrame, Mfn ConsoleFrame);
