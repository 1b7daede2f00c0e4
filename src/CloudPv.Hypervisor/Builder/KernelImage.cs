using System.Buffers;

namespace CloudPv.Hypervisor;

/// <summary>A 64-bit PV kernel that can be built into a domain. Disposing it frees what a packed one was expanded to.</summary>
public sealed class KernelImage : IDisposable
{
    /// <summary>The largest kernel, as a file and expanded. Debian's are some 40 MiB expanded.</summary>
    public const int MaximumSize = 512 << 20;

    private KernelImage(KernelFile file, ElfImage elf, XenGuestNotes notes, CompressionFormat compression)
    {
        File = file;
        Elf = elf;
        Notes = notes;
        Compression = compression;
    }

    internal ElfImage Elf { get; }

    /// <summary>The kernel's ELF file, expanded.</summary>
    internal KernelFile File { get; }

    public XenGuestNotes Notes { get; }

    /// <summary>How the kernel was packed (within its bzImage, if it is one).</summary>
    public CompressionFormat Compression { get; }

    /// <summary>Address in the guest that physical address 0 of the image is at.</summary>
    internal ulong VirtualOffset { get; private set; }

    internal ulong VirtualBase => Notes.VirtualBase ?? 0;

    /// <summary>The range of linear addresses that the kernel fills.</summary>
    internal ulong VirtualStart => Elf.PhysicalStart + VirtualOffset;

    internal ulong VirtualEnd => Elf.PhysicalEnd + VirtualOffset;

    internal ulong Entry { get; private set; }

    /// <summary>Reads an image from a file as it is: bzImage, ELF, or an ELF compressed. Needs no domain, so uploads can be checked by it.
    /// Throws <see cref="DomainBuildException"/>, whose message says what the file is and why no PV guest can be made of it.</summary>
    public static KernelImage Inspect(ReadOnlyMemory<byte> file)
    {
        KernelImage kernel = Open(file);
        try
        {
            kernel.CheckWhole();
            return kernel;
        }
        catch
        {
            kernel.Dispose();
            throw;
        }
    }

    /// <summary>As <see cref="Inspect"/>, but what the packed parts hold that nobody has asked for yet may still turn out to be damaged.</summary>
    internal static KernelImage Open(ReadOnlyMemory<byte> file)
    {
        if (file.Length > MaximumSize)
            throw new DomainBuildException($"The file has more than the {MaximumSize >> 20} MiB that a kernel has at most.");
        ReadOnlyMemory<byte> payload = BzImage.IsBzImage(file.Span) ? BzImage.Payload(file) : file;
        CompressionFormat compression = CompressionFormats.Detect(payload.Span);
        KernelFile elf = Expand(compression, payload);
        try
        {
            return FromElf(elf, compression);
        }
        catch
        {
            elf.Dispose();
            throw;
        }
    }

    public void Dispose() => File.Dispose();

    /// <summary>Writes the kernel's ELF file, expanded.</summary>
    public void CopyElfTo(Stream target)
    {
        ReadOnlySpan<byte> part;
        for (ulong offset = 0; !(part = File.From(offset)).IsEmpty; offset += (ulong)part.Length)
            target.Write(part);
    }

    private void CheckWhole()
    {
        foreach (ElfSegment segment in Elf.Segments)
        {
            for (ulong at = 0; at < segment.FileSize;)
                at += (ulong)File.Part(segment.FileOffset + at, segment.FileSize - at).Length;
        }
    }

    internal static DomainBuildException CannotBeExpanded(CompressionFormat compression, InvalidDataException why) =>
        new($"The kernel's {compression.ToString().ToLowerInvariant()} payload cannot be expanded: {why.Message}.");

    private static KernelFile Expand(CompressionFormat compression, ReadOnlyMemory<byte> payload)
    {
        try
        {
            if (compression == CompressionFormat.None)
                return new WholeKernelFile(payload, owner: null);
            if (compression == CompressionFormat.Lz4)
                return new Lz4KernelFile(payload, MaximumSize);
            IMemoryOwner<byte> expanded = Decompressor.Expand(compression, payload, MaximumSize);
            return new WholeKernelFile(expanded.Memory, expanded);
        }
        catch (InvalidDataException e)
        {
            throw CannotBeExpanded(compression, e);
        }
    }

    private static KernelImage FromElf(KernelFile file, CompressionFormat compression)
    {
        ReadOnlySpan<byte> start = file.From(0);
        if (!ElfImage.IsElf(start))
        {
            string packed = compression == CompressionFormat.None ? "" : $"{compression.ToString().ToLowerInvariant()}-compressed: ";
            throw new DomainBuildException($"This is not a kernel: {packed}{FileKind.Describe(start)}.");
        }
        ElfImage elf = ElfImage.Parse(file);
        XenGuestNotes? notes = XenGuestNotes.Read(elf);
        if (notes is null)
            throw new DomainBuildException("The kernel has no Xen notes: it wasn't built as a Xen guest (Linux: CONFIG_XEN_PV).");
        if (notes is { IsLegacy: false, Entry: null })
        {
            throw new DomainBuildException(notes.HasPvhEntry
                ? "The kernel boots as a PVH or HVM guest only: it has no PV entry point (Linux: CONFIG_XEN_PV)."
                : "The kernel has no PV entry point (no XEN_ELFNOTE_ENTRY): it isn't for PV guests.");
        }
        var image = new KernelImage(file, elf, notes, compression);
        image.CheckIdentity();
        image.PlaceInMemory();
        return image;
    }

    private void CheckIdentity()
    {
        if (!Notes.Loader.StartsWith("generic", StringComparison.Ordinal) && !Notes.GuestOs.StartsWith("linux", StringComparison.Ordinal))
            throw new DomainBuildException($"The kernel asks for the loader \"{Notes.Loader}\"; only \"generic\" ones can be built.");
        if (!Notes.XenVersion.StartsWith("xen-3.0", StringComparison.Ordinal))
            throw new DomainBuildException($"The kernel is for \"{Notes.XenVersion}\", not for the ABI xen-3.0.");
    }

    private void PlaceInMemory()
    {
        if (Notes is { PhysicalOffset: not null, VirtualBase: null })
            throw new DomainBuildException("The kernel's Xen notes give ELF_PADDR_OFFSET without VIRT_BASE.");
        ulong physicalOffset = Notes.PhysicalOffset ?? (Notes.IsLegacy ? VirtualBase : 0);
        VirtualOffset = VirtualBase - physicalOffset;
        Entry = Notes.Entry ?? Elf.Entry;
        if (VirtualStart >= VirtualEnd || Entry < VirtualStart || Entry > VirtualEnd || VirtualBase > VirtualStart)
            throw new DomainBuildException("The kernel's load addresses and its entry point don't fit together.");
        if ((VirtualBase & 0xfff) != 0)
            throw new DomainBuildException($"The kernel's VIRT_BASE {VirtualBase:x} isn't the address of a page.");
        if (VirtualEnd - VirtualBase > 1UL << 39)
            throw new DomainBuildException("The kernel spreads over more than 512 GiB.");
        if (Notes.P2mBase is { } p2m && p2m >= VirtualStart && p2m < VirtualEnd)
            throw new DomainBuildException("The kernel wants its p2m list where it stands itself.");
        if (Notes.HypercallPage is { } page && (page < VirtualBase || page >= VirtualEnd))
            throw new DomainBuildException("The kernel's hypercall page lies outside of it.");
    }
}
