using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using CloudPv.Xen;

namespace CloudPv.Hypervisor;

/// <summary>What a kernel says of itself to Xen: the ELF notes with the name "Xen", or the legacy string of the section `__xen_guest`.</summary>
public sealed class XenGuestNotes
{
    public string GuestOs { get; private set; } = "";
    public string GuestVersion { get; private set; } = "";
    public string XenVersion { get; private set; } = "";
    public string Loader { get; private set; } = "";
    public string Features { get; private set; } = "";

    /// <summary>Null where the kernel has no PV entry point: it is then for HVM or PVH only.</summary>
    public ulong? Entry { get; internal set; }
    public ulong? VirtualBase { get; private set; }
    public ulong? PhysicalOffset { get; private set; }
    public ulong? HypercallPage { get; private set; }

    /// <summary>XEN_ELFNOTE_INIT_P2M: where the initial p2m list is to be mapped.</summary>
    public ulong? P2mBase { get; private set; }

    /// <summary>XEN_ELFNOTE_MOD_START_PFN: the ramdisk needs no mapping.</summary>
    public bool RamdiskByPfn { get; private set; }

    /// <summary>XEN_ELFNOTE_BSD_SYMTAB: the symbol table is to be loaded behind the kernel.</summary>
    public bool BsdSymbols { get; private set; }

    public bool HasPvhEntry { get; private set; }

    /// <summary>From the legacy string, whose rules for defaults differ.</summary>
    public bool IsLegacy { get; private set; }

    /// <summary>Null where the image has neither notes of Xen's nor the legacy string.</summary>
    internal static XenGuestNotes? Read(ElfImage image)
    {
        var notes = new XenGuestNotes();
        bool found = false;
        foreach (byte[] area in image.NoteAreas)
            found |= notes.ReadArea(area);
        if (found)
            return notes;
        if (image.LegacyGuestInfo.Length == 0)
            return null;
        notes.IsLegacy = true;
        notes.ReadLegacy(image.LegacyGuestInfo);
        return notes;
    }

    private bool ReadArea(ReadOnlySpan<byte> area)
    {
        const int HeaderSize = 12;
        bool found = false;
        while (area.Length >= HeaderSize)
        {
            uint nameSize = BinaryPrimitives.ReadUInt32LittleEndian(area);
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(area[4..]);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(area[8..]);
            ulong start = HeaderSize + Align(nameSize), end = start + Align(size);
            if (start + size > (ulong)area.Length)
                return found;
            if (area[HeaderSize..].StartsWith("Xen\0"u8) && nameSize == 4)
            {
                found = true;
                Apply((ElfNote)type, area.Slice((int)start, (int)size));
            }
            if (end >= (ulong)area.Length)
                return found;
            area = area[(int)end..];
        }
        return found;

        static ulong Align(uint size) => (size + 3UL) & ~3UL;
    }

    private void Apply(ElfNote note, ReadOnlySpan<byte> value)
    {
        switch (note)
        {
            case ElfNote.Entry: Entry = Number(value); break;
            case ElfNote.HypercallPage: HypercallPage = Number(value); break;
            case ElfNote.VirtBase: VirtualBase = Number(value); break;
            case ElfNote.PaddrOffset: PhysicalOffset = Number(value); break;
            case ElfNote.InitP2m: P2mBase = Number(value); break;
            case ElfNote.ModStartPfn: RamdiskByPfn = Number(value) != 0; break;
            case ElfNote.Phys32Entry: HasPvhEntry = true; break;
            case ElfNote.XenVersion: XenVersion = Text(value); break;
            case ElfNote.GuestOs: GuestOs = Text(value); break;
            case ElfNote.GuestVersion: GuestVersion = Text(value); break;
            case ElfNote.Loader: Loader = Text(value); break;
            case ElfNote.Features: Features = Text(value); break;
            case ElfNote.BsdSymtab: BsdSymbols = Text(value).StartsWith("yes", StringComparison.Ordinal); break;
        }
    }

    private void ReadLegacy(string info)
    {
        foreach (string item in info.Split(','))
        {
            int equals = item.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? item : item[..equals];
            string value = equals < 0 ? "" : item[(equals + 1)..];
            switch (name)
            {
                case "LOADER": Loader = value; break;
                case "GUEST_OS": GuestOs = value; break;
                case "GUEST_VER": GuestVersion = value; break;
                case "XEN_VER": XenVersion = value; break;
                case "FEATURES": Features = value; break;
                case "VIRT_BASE": VirtualBase = Number(name, value); break;
                case "VIRT_ENTRY": Entry = Number(name, value); break;
                case "ELF_PADDR_OFFSET": PhysicalOffset = Number(name, value); break;
                case "HYPERCALL_PAGE": HypercallPage = Number(name, value); break;
                case "BSD_SYMTAB": BsdSymbols = true; break;
            }
        }
        // Here the page is given by its number within the kernel's own memory, not by its address.
        if (HypercallPage is { } page)
            HypercallPage = (VirtualBase ?? 0) + (page << 12);
    }

    private static ulong Number(ReadOnlySpan<byte> value) => value.Length switch
    {
        1 => value[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(value),
        4 => BinaryPrimitives.ReadUInt32LittleEndian(value),
        8 or 16 => BinaryPrimitives.ReadUInt64LittleEndian(value),
        _ => throw new DomainBuildException($"The kernel's Xen notes are damaged: a number of {value.Length} bytes."),
    };

    private static ulong Number(string name, string value)
    {
        bool hex = value.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return ulong.TryParse(hex ? value[2..] : value, hex ? NumberStyles.HexNumber : NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
            ? number
            : throw new DomainBuildException($"The kernel's __xen_guest string is damaged: {name}={value}.");
    }

    private static string Text(ReadOnlySpan<byte> value)
    {
        int end = value.IndexOf((byte)0);
        return Encoding.ASCII.GetString(end < 0 ? value : value[..end]);
    }
}
