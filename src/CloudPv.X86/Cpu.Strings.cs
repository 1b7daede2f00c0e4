using Iced.Intel;

namespace CloudPv.X86;

/// <summary>REP MOVS and REP STOS where the machine-code stubs can't go on: elements across pages, and pages with translated code.</summary>
public sealed unsafe partial class Cpu
{
    /// <summary>Carries out as much as lies in the current pages. State.Rip stays: the stub goes on, or finds that nothing is left.</summary>
    private bool TryContinueString(out CpuExit exit)
    {
        ref var state = ref _context->State;
        if (!TryFetchInstruction(out var instruction, out exit))
            return false;
        var size = instruction.MemorySize.GetSize();
        var copies = instruction.Op1Kind != OpKind.Register;
        var count = Math.Min(state.Rcx, (MachineMemory.FrameSize - (state.Rdi & 0xfff)) / (uint)size);
        if (copies)
            count = Math.Min(count, (MachineMemory.FrameSize - (state.Rsi & 0xfff)) / (uint)size);

        // An element across two pages.
        if (count == 0)
            return TryEmulate(out exit);
        var length = (int)count * size;
        if (!TryTranslate(state.Rdi, AccessKind.Write, out var target, out exit))
            return false;
        var source = default(PageTranslation);
        if (copies && !TryTranslate(state.Rsi, AccessKind.Read, out source, out exit))
            return false;
        var offset = (int)(state.Rdi & 0xfff);
        var to = _bus.Memory.Frame(target.Frame) + offset;
        var from = _bus.Memory.Frame(source.Frame) + (state.Rsi & 0xfff);

        // Memory that overlaps, perhaps by two names, so that order matters.
        if (copies && (ulong)(to - from) < (ulong)length)
            return TryEmulate(out exit);
        var destination = new Span<byte>(to, length);
        if (copies)
            new ReadOnlySpan<byte>(from, length).CopyTo(destination);
        else
            Fill(destination, state.Rax, size);
        _bus.CodeWritten(new CodeWrite(target.Frame, offset, length));
        state.Rdi += (ulong)length;
        if (copies)
            state.Rsi += (ulong)length;
        state.Rcx -= count;
        return true;
    }

    private static void Fill(Span<byte> destination, ulong value, int size)
    {
        fixed (byte* start = destination)
        {
            switch (size)
            {
                case 1:
                    destination.Fill((byte)value);
                    break;
                case 2:
                    new Span<ushort>(start, destination.Length / 2).Fill((ushort)value);
                    break;
                case 4:
                    new Span<uint>(start, destination.Length / 4).Fill((uint)value);
                    break;
                default:
                    new Span<ulong>(start, destination.Length / 8).Fill(value);
                    break;
            }
        }
    }
}
