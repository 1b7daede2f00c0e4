using System.Runtime.InteropServices;
using Iced.Intel;

namespace CloudPv.X86;

/// <summary>
/// The guest bytes that a translation depends on: those of its block, and those that <see cref="FlagLiveness"/> looked at beyond. Where nothing could be fetched, flags were
/// taken to be live, which is never wrong.
/// </summary>
internal sealed unsafe class LookAhead
{
    private readonly List<Range> _ranges = [];
    private readonly byte[] _copy = new byte[MachineMemory.FrameSize];
    private byte[] _bytes = new byte[4096];
    private int _used;

    /// <summary>The first is the block.</summary>
    public ReadOnlySpan<Range> Ranges => CollectionsMarshal.AsSpan(_ranges);

    /// <summary>The bytes of all ranges, one behind the other.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _used);

    /// <summary>Whether the bytes aren't all that the translation depends on: code behind a call couldn't be fetched, or changed meanwhile.</summary>
    public bool IsIncomplete { get; set; }

    /// <summary>Forgets everything but the block that is to be translated.</summary>
    public void Begin(ulong rip, ReadOnlySpan<byte> block)
    {
        _ranges.Clear();
        _used = 0;
        IsIncomplete = false;
        Append(rip, block);
    }

    /// <summary>Notes nothing until the next beginning.</summary>
    public void End() => _ranges.Clear();

    /// <summary>
    /// Copies code before it is decoded: what is noted is then what was decoded, whatever the guest writes there meanwhile. The copy, of at most <paramref name="most"/> bytes,
    /// holds until the next.
    /// </summary>
    public ReadOnlySpan<byte> Copy(ReadOnlySpan<byte> code, int most)
    {
        if (code.Length > most)
            code = code[..most];
        code.CopyTo(_copy);
        return _copy.AsSpan(0, code.Length);
    }

    /// <summary>Notes an instruction that was decoded from <paramref name="bytes"/>, a copy of those at <paramref name="start"/>.</summary>
    public void Add(in Instruction instruction, ReadOnlySpan<byte> bytes, ulong start)
    {
        var address = instruction.IP;
        var offset = (int)(address - start);
        var length = instruction.IsInvalid ? Math.Min(GuestBlock.LongestInstruction, bytes.Length - offset) : instruction.Length;
        if (length == 0 || _ranges.Count == 0)
            return;
        var code = bytes.Slice(offset, length);
        if (TryFind(address, length, out var known))
        {
            IsIncomplete |= !known.SequenceEqual(code);
            return;
        }

        ref var last = ref CollectionsMarshal.AsSpan(_ranges)[^1];
        if (_ranges.Count > 1 && last.Start + (ulong)last.Length == address && (address & 0xfff) != 0)
            Extend(ref last, code);
        else
            Append(address, code);
    }

    private bool TryFind(ulong address, int length, out ReadOnlySpan<byte> known)
    {
        var position = 0;
        foreach (var range in _ranges)
        {
            if (range.Contains(address, length))
            {
                known = _bytes.AsSpan(position + (int)(address - range.Start), length);
                return true;
            }

            position += range.Length;
        }

        known = default;
        return false;
    }

    private void Append(ulong start, ReadOnlySpan<byte> code)
    {
        _ranges.Add(new Range(start, 0));
        Extend(ref CollectionsMarshal.AsSpan(_ranges)[^1], code);
    }

    private void Extend(ref Range range, ReadOnlySpan<byte> code)
    {
        if (_used + code.Length > _bytes.Length)
            Array.Resize(ref _bytes, 2 * _bytes.Length);
        code.CopyTo(_bytes.AsSpan(_used));
        _used += code.Length;
        range = range with { Length = range.Length + code.Length };
    }

    internal readonly record struct Range(ulong Start, int Length)
    {
        public bool Contains(ulong address, int length) => address >= Start && address - Start + (ulong)length <= (ulong)Length;
    }
}
