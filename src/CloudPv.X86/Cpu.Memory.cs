using System.Diagnostics;
using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>Memory: the slow path of translated code, and the accesses of the hypervisor and the emulator on the guest's behalf.</summary>
public sealed unsafe partial class Cpu : IEmulatorMemory
{
    /// <summary>Why translated code couldn't go on at a memory access.</summary>
    private enum Refusal
    {
        Fault,

        /// <summary>Not all of a group can be had at once.</summary>
        Group,

        /// <summary>It writes what has been translated, perhaps itself.</summary>
        CodeWrite,

        /// <summary>A locked access across two pages.</summary>
        Emulate,

        /// <summary>A repeated string instruction can't go on through the soft TLB.</summary>
        Text,
    }

    /// <summary>What <see cref="Commit"/> has to do behind a write.</summary>
    private enum Commitment : ulong
    {
        None,

        /// <summary>Carry the bounce buffer over to the two pages.</summary>
        Bounce,

        /// <summary>See whether meanwhile someone translated what was written.</summary>
        Code,
    }

    private readonly List<CodeWrite> _codeWrites = [];
    private Refusal _refusal;
    private CpuExit _refusedFault;
    private Exception? _hostFailure;

    private byte* _bounceSource;
    private byte* _bounceFirst;
    private byte* _bounceSecond;
    private int _bounceFirstCount;
    private int _bounceSecondCount;
    private CodeWrite _uncheckedWrite;

    /// <summary>Copies guest memory at a linear address of the current mode, as a CPL 3 access would. False: the fault that it would have raised; nothing or a part was copied.</summary>
    public bool TryRead(ulong address, Span<byte> destination, out CpuExit fault)
    {
        fault = default;
        if (_emulates && HasBreakpoints)
            NoteAccess(address, destination.Length, write: false);
        while (!destination.IsEmpty)
        {
            if (!TryFindInTlb(address, write: false, out var host))
            {
                if (!TryTranslate(address, AccessKind.Read, out var page, out fault))
                    return false;
                host = _bus.Memory.Frame(page.Frame) + (address & 0xfff);
            }

            var count = Math.Min(destination.Length, MachineMemory.FrameSize - (int)(address & 0xfff));
            new ReadOnlySpan<byte>(host, count).CopyTo(destination);
            destination = destination[count..];
            address += (ulong)count;
        }

        return true;
    }

    public bool TryWrite(ulong address, ReadOnlySpan<byte> source, out CpuExit fault)
    {
        fault = default;
        while (!source.IsEmpty)
        {
            var offset = (int)(address & 0xfff);
            var count = Math.Min(source.Length, MachineMemory.FrameSize - offset);
            if (TryFindInTlb(address, write: true, out var host))
            {
                // Who has a write tag writes no code.
                source[..count].CopyTo(new Span<byte>(host, count));
            }
            else
            {
                if (!TryTranslate(address, AccessKind.Write, out var page, out fault))
                    return false;
                source[..count].CopyTo(new Span<byte>(_bus.Memory.Frame(page.Frame) + offset, count));
                _bus.CodeWritten(new CodeWrite(page.Frame, offset, count));
            }

            source = source[count..];
            address += (ulong)count;
        }

        return true;
    }

    /// <summary>Only while this CPU runs is its TLB as others believe it to be: what they ask of one that doesn't run counts as done before it is.</summary>
    private bool TryFindInTlb(ulong address, bool write, out byte* host)
    {
        host = null;
        return _runs && Space.Tlb.TryFind(address, write, out host);
    }

    bool IEmulatorMemory.TryWrite(ulong address, ReadOnlySpan<byte> source, out CpuExit fault)
    {
        if (HasBreakpoints)
            NoteAccess(address, source.Length, write: true);
        // All or nothing: both pages are looked at before either is written.
        var last = address + (ulong)source.Length - 1;
        if ((address ^ last) >> 12 == 0)
            return TryWrite(address, source, out fault);
        return TryTranslate(address, AccessKind.Write, out _, out fault) && TryTranslate(NextPage(address), AccessKind.Write, out _, out fault)
            && TryWrite(address, source, out fault);
    }

    bool IEmulatorMemory.TryCompareExchange(ulong address, int size, UInt128 expected, UInt128 desired, out UInt128 actual, out CpuExit fault)
    {
        actual = default;
        if (HasBreakpoints)
            NoteAccess(address, size, write: true);
        var last = address + (ulong)size - 1;
        var next = (address ^ last) >> MachineMemory.FrameShift == 0 ? address : NextPage(address);
        if (!TryTranslate(address, AccessKind.Write, out var first, out fault) || !TryTranslate(next, AccessKind.Write, out var second, out fault))
            return false;
        var offset = (int)(address & 0xfff);
        var firstCount = Math.Min(size, MachineMemory.FrameSize - offset);
        var place = _bus.Memory.Frame(first.Frame) + offset;
        if (firstCount == size && size <= 8)
            actual = CompareExchange(place, size, (ulong)expected, (ulong)desired);
        else
            actual = CompareExchangeAlone(place, firstCount, _bus.Memory.Frame(second.Frame), size, expected, desired);
        _bus.CodeWritten(new CodeWrite(first.Frame, offset, firstCount));
        if (firstCount < size)
            _bus.CodeWritten(new CodeWrite(second.Frame, 0, size - firstCount));
        return true;
    }

    // SAFETY: the place is inside one page of guest memory; the host's locked instructions take any alignment.
    private static ulong CompareExchange(byte* place, int size, ulong expected, ulong desired) => size switch
    {
        1 => Interlocked.CompareExchange(ref *place, (byte)desired, (byte)expected),
        2 => Interlocked.CompareExchange(ref *(ushort*)place, (ushort)desired, (ushort)expected),
        4 => Interlocked.CompareExchange(ref *(uint*)place, (uint)desired, (uint)expected),
        _ => Interlocked.CompareExchange(ref *(ulong*)place, desired, expected),
    };

    /// <summary>What no single instruction of the host can do: it is done while no other CPU runs.</summary>
    private UInt128 CompareExchangeAlone(byte* first, int firstCount, byte* second, int size, UInt128 expected, UInt128 desired)
    {
        UInt128 actual = default;
        Mailbox.EndRunning();
        _bus.RunAlone(this, () =>
        {
            UInt128 value = default;
            var bytes = new Span<byte>(&value, size);
            new ReadOnlySpan<byte>(first, firstCount).CopyTo(bytes);
            new ReadOnlySpan<byte>(second, size - firstCount).CopyTo(bytes[firstCount..]);
            actual = value;
            if (value != expected)
                return;
            value = desired;
            bytes[..firstCount].CopyTo(new Span<byte>(first, firstCount));
            bytes[firstCount..].CopyTo(new Span<byte>(second, size - firstCount));
        });
        BeginRunning();
        return actual;
    }

    [UnmanagedCallersOnly]
    private static byte* OnResolve(CpuContext* context, ulong address, ulong access)
    {
        var cpu = (Cpu)GCHandle.FromIntPtr(context->Owner).Target!;
        try
        {
            return cpu.Resolve(address, new AccessDescription(access));
        }
#pragma warning disable CA1031 // No exception may cross the machine code; Run throws it on.
        catch (Exception failure)
        {
            cpu._hostFailure = failure;
            return cpu.Refuse(new AccessDescription(access), Refusal.Fault);
        }
#pragma warning restore CA1031
    }

    [UnmanagedCallersOnly]
    private static void OnCommit(CpuContext* context, ulong first, ulong second) => ((Cpu)GCHandle.FromIntPtr(context->Owner).Target!).Commit();

    /// <summary>The host address for an access that the soft TLB doesn't hold. Null: it was refused, and <see cref="_refusal"/> says why.</summary>
    private byte* Resolve(ulong address, AccessDescription access)
    {
        Statistics.TlbMisses++;
        _context->CommitNeeded = (ulong)Commitment.None;
        if (HasBreakpoints)
            NoteAccess(address, access.Size, access.Write);
        if (!PageWalker.IsCanonical(address) || !PageWalker.IsCanonical(address + (ulong)access.Size - 1))
            return access.Group ? Refuse(access, Refusal.Group) : Fault(access, access.Stack ? CpuFaults.Stack : CpuFaults.GeneralProtection);
        var offset = (int)(address & 0xfff);
        if (access.Text && offset + access.Size > MachineMemory.FrameSize)
            return Refuse(access, Refusal.Text);
        if (offset + access.Size > MachineMemory.FrameSize)
            return ResolveStraddling(address, access);
        var kind = access.Write ? AccessKind.Write : AccessKind.Read;
        if (!TryTranslate(address, kind, out var page, out var fault))
        {
            if (access.Window)
                _windows!.NoteFault();
            return access.Group ? Refuse(access, Refusal.Group) : Fault(access, fault);
        }

        var host = _bus.Memory.Frame(page.Frame);
        if (access.Write && !_bus.Frames.TryAnnounceWriteTag(page.Frame))
            return ResolveCodeWrite(host + offset, new CodeWrite(page.Frame, offset, access.Size), access);
        if (!HasBreakpoints || !IsWatched(address))
            Space.Tlb.Fill(Space.Fetcher.Root, address, host, access.Write, in page);
        CheckMiss(address, access);
        MapWindow(address, access);
        return host + offset;
    }

    /// <summary>A write to a frame that holds translated code: never through the TLB.</summary>
    private byte* ResolveCodeWrite(byte* host, CodeWrite write, AccessDescription access)
    {
        if (access.Group)
            return Refuse(access, Refusal.Group);
        if (access.Text)
            return Refuse(access, Refusal.Text);
        if (_writesCode)
        {
            _codeWrites.Add(write);
            return host;
        }

        if (_bus.Code.Overlaps(write.Frame, write.Offset, write.Length))
            return Refuse(access, Refusal.CodeWrite);
        if (_bus.Code.CountWriteBeside(write.Frame))
            _bus.CodeWritten(new CodeWrite(write.Frame, 0, MachineMemory.FrameSize));
        _uncheckedWrite = write;
        _context->CommitNeeded = (ulong)Commitment.Code;
        return host;
    }

    /// <summary>An access to bytes of two pages takes place in the bounce buffer.</summary>
    private byte* ResolveStraddling(ulong address, AccessDescription access)
    {
        if (access.Group)
            return Refuse(access, Refusal.Group);
        var kind = access.Write ? AccessKind.Write : AccessKind.Read;
        if (!TryTranslate(address, kind, out var first, out var fault) || !TryTranslate(NextPage(address), kind, out var second, out fault))
            return Fault(access, fault);
        if (access.Locked)
            return Refuse(access, Refusal.Emulate);
        MapWindow(address, access);
        MapWindow(NextPage(address), access);
        var offset = (int)(address & 0xfff);
        _bounceFirstCount = MachineMemory.FrameSize - offset;
        _bounceSecondCount = access.Size - _bounceFirstCount;
        if (access.Write)
        {
            if (!TryStraddleCode(first.Frame, offset, second.Frame))
                return Refuse(access, Refusal.CodeWrite);
            _context->CommitNeeded = (ulong)Commitment.Bounce;
        }

        // SAFETY: the buffer holds the largest access at any alignment below 64, which it keeps so that alignment faults come as they should.
        _bounceSource = (byte*)_context + ContextLayout.Bounce + (address & 63);
        Debug.Assert(access.Size <= AccessDescription.LargestSize);
        _bounceFirst = _bus.Memory.Frame(first.Frame) + offset;
        _bounceSecond = _bus.Memory.Frame(second.Frame);
        Buffer.MemoryCopy(_bounceFirst, _bounceSource, _bounceFirstCount, _bounceFirstCount);
        Buffer.MemoryCopy(_bounceSecond, _bounceSource + _bounceFirstCount, _bounceSecondCount, _bounceSecondCount);
        return _bounceSource;
    }

    private bool TryStraddleCode(ulong firstFrame, int offset, ulong secondFrame)
    {
        var first = new CodeWrite(firstFrame, offset, _bounceFirstCount);
        var second = new CodeWrite(secondFrame, 0, _bounceSecondCount);
        foreach (var write in (ReadOnlySpan<CodeWrite>)[first, second])
        {
            if (!_bus.Frames.HasCode(write.Frame))
                continue;
            if (_writesCode)
                _codeWrites.Add(write);
            else
                return false;
        }

        return true;
    }

    private void Commit()
    {
        var commitment = (Commitment)_context->CommitNeeded;
        _context->CommitNeeded = (ulong)Commitment.None;
        if (commitment == Commitment.Bounce)
        {
            Buffer.MemoryCopy(_bounceSource, _bounceFirst, _bounceFirstCount, _bounceFirstCount);
            Buffer.MemoryCopy(_bounceSource + _bounceFirstCount, _bounceSecond, _bounceSecondCount, _bounceSecondCount);
            return;
        }

        Interlocked.MemoryBarrier();
        if (_bus.Code.Overlaps(_uncheckedWrite.Frame, _uncheckedWrite.Offset, _uncheckedWrite.Length))
            _bus.CodeWritten(_uncheckedWrite);
    }

    private byte* Fault(AccessDescription access, CpuExit fault)
    {
        _refusedFault = fault;
        return Refuse(access, Refusal.Fault);
    }

    private byte* Refuse(AccessDescription access, Refusal refusal)
    {
        _refusal = refusal;
        _context->State.Rip = access.Rip;
        _context->Reason = LeaveReason.AccessRefused;
        return null;
    }

    private bool TryTranslate(ulong address, AccessKind kind, out PageTranslation page, out CpuExit fault)
    {
        fault = default;
        if (!PageWalker.IsCanonical(address))
        {
            page = default;
            fault = CpuFaults.GeneralProtection;
            return false;
        }

        if (_bus.Walker.TryTranslate(Space.Fetcher.Root, address, kind, out page, out var errorCode))
            return true;
        fault = CpuFaults.Page(address, errorCode);
        return false;
    }
}
