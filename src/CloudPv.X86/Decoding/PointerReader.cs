using Iced.Intel;

namespace CloudPv.X86;

/// <summary>Feeds Iced's decoder from bytes in memory.</summary>
internal sealed unsafe class PointerReader : CodeReader
{
    private byte* _next;
    private byte* _end;

    public byte* Next => _next;

    public void Set(byte* start, int count)
    {
        _next = start;
        _end = start + count;
    }

    public override int ReadByte() => _next < _end ? *_next++ : -1;
}
