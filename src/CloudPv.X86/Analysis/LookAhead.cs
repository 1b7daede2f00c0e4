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
    private byte[] _bytes = new byte[4096];
    private int _used;
    private int _last;

    /// <summary>The first is the block.</summary>
    public ReadOnlySpan<Range> Ranges => CollectionsMarshal.AsSpan(_ranges);

    /// <summary>The bytes of all ranges, one behind the other.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _used);

    /// <summary>Whether flags were assumed for want of code behind a call that couldn't be fetched.</summary>
    public bool MissesCode { get; set; }

    /// <summary>Forgets everything but the block that is to be translated.</summary>
    public void Begin(ulong rip, ReadOnlySpan<byte> block)
    {
        _ranges.Clear();
        _used = 0;
        MissesCode = false;
        Append(rip, block);
    }

    /// <summary>Notes nothing until the next beginning.</summary>
    public void End() => _ranges.Clear();

    /// <summary>Notes an instruction that was decoded from <paramref name="bytes"/>, which begin at <paramref name="start"/> and end with a page.</summary>
    public void Add(in Instruction instruction, ReadOnlySpan<byte> bytes, ulong start)
    {
        var address = instruction.IP;
        var offset = (int)(address - start);
        var length = instruction.IsInvalid ? Math.Min(GuestBlock.LongestInstruction, bytes.Length - offset) : instruction.Length;
        if (length == 0 || Contains(address, length))
            return;
        var code = bytes.Slice(offset, length);
        ref var last = ref CollectionsMarshal.AsSpan(_ranges)[^1];
        if (_ranges.Count > 1 && last.Start + (ulong)last.Length == address && (address & 0xfff) != 0)
            Extend(ref last, code);
        else
            Append(address, code);
    }

    private bool Contains(ulong address, int length)
    {
        var ranges = CollectionsMarshal.AsSpan(_ranges);
        if (ranges.IsEmpty)
            return true;
        if (_last < ranges.Length && ranges[_last].Contains(address, length))
            return true;
        for (var index = 0; index < ranges.Length; index++)
        {
            if (ranges[index].Contains(address, length))
            {
                _last = index;
                return true;
            }
        }

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
