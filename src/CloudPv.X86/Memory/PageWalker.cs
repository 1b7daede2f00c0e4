using System.Runtime.CompilerServices;

namespace CloudPv.X86;

internal enum AccessKind
{
    Read,
    Write,
    Fetch,
}

/// <summary>Where a linear address leads.</summary>
/// <param name="Frame">The machine frame of its 4 KiB.</param>
/// <param name="PageShift">12, 21 or 30: the size of the mapping.</param>
/// <param name="Slot">Host address of the last entry of the walk.</param>
/// <param name="Entry">What stood there, marked as used.</param>
internal readonly record struct PageTranslation(ulong Frame, int PageShift, nint Slot, ulong Entry);

/// <summary>
/// The 4-level page walk at CPL 3 (SDM vol. 3, 4.5): user bit at every level, writable at every level for a write, no-execute for a fetch (EFER.NXE is set), accessed and
/// dirty bits. Every frame it meets, tables included, must be one that the guest may read, so that no page table can lead out of the guest.
/// </summary>
internal sealed unsafe class PageWalker(MachineMemory memory, FrameTable frames)
{
    private const ulong Present = 1 << 0;
    private const ulong Writable = 1 << 1;
    private const ulong User = 1 << 2;
    private const ulong Accessed = 1 << 5;
    private const ulong Dirty = 1 << 6;
    private const ulong Large = 1 << 7;
    private const ulong NoExecute = 1ul << 63;
    private const ulong FrameBits = 0x000f_ffff_ffff_f000;
    private const int TopShift = 39;

    private const uint FaultPresent = 1;
    private const uint FaultWrite = 2;
    private const uint FaultUser = 4;
    private const uint FaultFetch = 16;

    public static bool IsCanonical(ulong address) => (ulong)((long)(address << 16) >> 16) == address;

    /// <summary>Walks the tables under <paramref name="root"/>. False: <paramref name="errorCode"/> is that of the #PF.</summary>
    public bool TryTranslate(ulong root, ulong address, AccessKind kind, out PageTranslation translation, out uint errorCode)
    {
        errorCode = FaultUser | (kind == AccessKind.Write ? FaultWrite : 0) | (kind == AccessKind.Fetch ? FaultFetch : 0);
        var needed = Present | User | (kind == AccessKind.Write ? Writable : 0);
        var table = root;
        for (var shift = TopShift; ; shift -= 9)
        {
            translation = default;
            if ((frames.Access(table) & FrameAccess.Read) == FrameAccess.None)
            {
                errorCode |= FaultPresent;
                return false;
            }

            // SAFETY: the frame is one of this guest's, so it is backed; the index is below 512.
            ref var slot = ref ((ulong*)memory.Frame(table))[(address >> shift) & 511];
            var entry = Volatile.Read(ref slot);
            if ((entry & Present) == 0)
                return false;
            if ((entry & needed) != needed || (kind == AccessKind.Fetch && (entry & NoExecute) != 0))
            {
                errorCode |= FaultPresent;
                return false;
            }

            var leaf = shift == 12 || (shift < TopShift && (entry & Large) != 0);
            var marks = Accessed | (leaf && kind == AccessKind.Write ? Dirty : 0);
            if ((entry & marks) != marks && Interlocked.CompareExchange(ref slot, entry | marks, entry) != entry)
            {
                // Another CPU changed the entry: look at it again.
                shift += 9;
                continue;
            }

            table = (entry & FrameBits) >> MachineMemory.FrameShift;
            if (!leaf)
                continue;
            var inside = (1ul << (shift - 12)) - 1;
            var frame = (table & ~inside) | ((address >> 12) & inside);
            var right = kind == AccessKind.Write ? FrameAccess.Write : FrameAccess.Read;
            if ((frames.Access(frame) & right) == FrameAccess.None)
            {
                errorCode |= FaultPresent;
                return false;
            }

            translation = new PageTranslation(frame, shift, (nint)Unsafe.AsPointer(ref slot), entry | marks);
            return true;
        }
    }

    /// <summary>
    /// Where an address leads for an access of a kind that has been made there before: a walk that marks nothing, and fails where marks would be missing.
    /// </summary>
    public bool TryPeek(ulong root, ulong address, bool write, out ulong frame)
    {
        var needed = Present | User | Accessed | (write ? Writable : 0);
        frame = root;
        for (var shift = TopShift; ; shift -= 9)
        {
            if ((frames.Access(frame) & FrameAccess.Read) == FrameAccess.None)
                return false;
            var entry = Entry(frame, address, shift);
            if ((entry & needed) != needed)
                return false;
            frame = (entry & FrameBits) >> MachineMemory.FrameShift;
            if (shift != MachineMemory.FrameShift && (shift == TopShift || (entry & Large) == 0))
                continue;
            var inside = (1ul << (shift - MachineMemory.FrameShift)) - 1;
            frame = (frame & ~inside) | ((address >> MachineMemory.FrameShift) & inside);
            return (!write || (entry & Dirty) != 0) && (frames.Access(frame) & (write ? FrameAccess.Write : FrameAccess.Read)) != FrameAccess.None;
        }
    }

    /// <summary>Whether the last entry of a walk is as it was, and the frame that it leads to still one that may be accessed so. The tables above it are the same.</summary>
    public bool IsUnchanged(in PageTranslation translation, bool write) =>
        Volatile.Read(ref *(ulong*)translation.Slot) == translation.Entry
        && (frames.Access(translation.Frame) & (write ? FrameAccess.Write : FrameAccess.Read)) != FrameAccess.None;

    /// <summary>The part of an address that chooses the level-4 entry.</summary>
    public static ulong TopOf(ulong address) => address >> TopShift << TopShift;

    /// <summary>The level-4 entry of an address, but for what CPUs mark in it. False: the root is no frame of the guest's.</summary>
    public bool TryReadTop(ulong root, ulong address, out ulong entry)
    {
        var readable = (frames.Access(root) & FrameAccess.Read) != FrameAccess.None;
        entry = readable ? Entry(root, address, TopShift) & ~(Accessed | Dirty) : 0;
        return readable;
    }

    /// <summary>The level-1 table for an address that may be executed as far as the tables above it say. False: there is none, or a large page.</summary>
    public bool TryFindCodeTable(ulong root, ulong address, out ulong table)
    {
        table = root;
        for (var shift = TopShift; shift > MachineMemory.FrameShift; shift -= 9)
        {
            if ((frames.Access(table) & FrameAccess.Read) == FrameAccess.None)
                return false;
            var entry = Entry(table, address, shift);
            if ((entry & (Present | User | Accessed | Large | NoExecute)) != (Present | User | Accessed))
                return false;
            table = (entry & FrameBits) >> MachineMemory.FrameShift;
        }

        return (frames.Access(table) & FrameAccess.Read) != FrameAccess.None;
    }

    /// <summary>Whether a level-1 table from <see cref="TryFindCodeTable"/> has a page executable and in this frame.</summary>
    public bool IsCode(ulong table, ulong address, ulong frame) =>
        (Entry(table, address, MachineMemory.FrameShift) & (Present | User | Accessed | NoExecute | FrameBits))
            == (Present | User | Accessed | (frame << MachineMemory.FrameShift))
        && (frames.Access(frame) & FrameAccess.Read) != FrameAccess.None;

    // SAFETY: the caller has checked that the frame is one of this guest's, so it is backed; the index is below 512.
    private ulong Entry(ulong table, ulong address, int shift) => Volatile.Read(ref ((ulong*)memory.Frame(table))[(address >> shift) & 511]);
}
