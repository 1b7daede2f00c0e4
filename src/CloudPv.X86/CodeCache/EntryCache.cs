using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>
/// A table of host addresses for guest addresses that machine code searches by comparing the address, and then enters behind the block's own check. One of each mode is for
/// what system calls and returns lead to (<see cref="SystemCallStubs"/>), where flags must arrive as they are; another for jumps that the <see cref="JumpCache"/> has lost to
/// others of the same slot (<see cref="Stubs.SearchJump"/>).
/// </summary>
internal sealed unsafe class EntryCache
{
    private readonly Entry* _entries;
    private readonly int _count;
    private readonly FilledSlots _filled;

    // SAFETY: the context has that many entries there, and an index is below that.
    public EntryCache(CpuContext* context, int offset, int count)
    {
        _entries = (Entry*)((byte*)context + offset);
        _count = count;
        _filled = new FilledSlots(count / 4);
        Clear();
    }

    public void Add(Block block)
    {
        var index = IndexOf(block.Key.Rip);
        _filled.Add(index);
        _entries[index] = new Entry { Rip = block.Key.Rip, Host = block.Entry };
    }

    public void Remove(Block block)
    {
        var index = IndexOf(block.Key.Rip);
        if (_entries[index].Host == block.Entry)
            Empty(index);
    }

    public void Clear()
    {
        if (_filled.AreAll)
        {
            for (var index = 0; index < _count; index++)
                Empty(index);
        }
        else
        {
            foreach (var index in _filled.Slots)
                Empty(index);
        }

        _filled.Clear();
    }

    /// <summary>Leaves an address there that is looked for in another entry, so that none matches, however strange: a guest may jump anywhere.</summary>
    private void Empty(int index) => _entries[index] = new Entry { Rip = (ulong)(index ^ 1) };

    /// <summary>
    /// Emits a search for T0, a guest address: T1 = where to enter. Changes flags. Returns the jump to take where it isn't there. <paramref name="count"/> is a power of 2.
    /// </summary>
    public static byte* EmitSearch(HostAssembler code, int offset, int count)
    {
        code.RotateRight32(HostRegister.T1, HostRegister.T0, HashShift);
        code.Bytes([0x45, 0x31, 0xd3]); // xor r11d, r10d
        code.And32(HostRegister.T1, count - 1);
        code.Bytes([0x45, 0x01, 0xdb]); // add r11d, r11d: two words an entry
        code.ContextTable(0x3b, HostRegister.T0, offset); // cmp r10, entry
        var missing = code.JumpIfForward(5);
        code.ContextTable(HostAssembler.MoveLoad, HostRegister.T1, offset + sizeof(ulong));
        return missing;
    }

    /// <summary>What shares its low bits, and with that a slot of the jump cache, differs in those.</summary>
    private const int HashShift = 16;

    private int IndexOf(ulong rip) => (int)((uint)rip ^ uint.RotateRight((uint)rip, HashShift)) & (_count - 1);

    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public ulong Rip;
        public byte* Host;
    }
}
