using System.Runtime.CompilerServices;
using Iced.Intel;

namespace CloudPv.X86;

/// <summary>
/// Decodes the single instructions that are carried out in C#. Those are few and come again and again (IRETQ, IN, CLI), so the last ones are kept: an address whose bytes are
/// the same means the same instruction.
/// </summary>
internal sealed unsafe class SingleDecoder
{
    private const int Kept = 64;

    private readonly PointerReader _reader = new();
    private readonly Decoder _decoder;
    private readonly KeptInstruction[] _kept = new KeptInstruction[Kept];

    public SingleDecoder() => _decoder = Decoder.Create(64, _reader);

    /// <summary>False: the instruction is longer than <paramref name="bytes"/>, of which there have to be <see cref="GuestBlock.LongestInstruction"/> but at the end of what can be read.</summary>
    public bool TryDecode(ulong rip, ReadOnlySpan<byte> bytes, out Instruction instruction)
    {
        ref var kept = ref _kept[(int)(rip ^ (rip >> 12)) & (Kept - 1)];
        var length = kept.Instruction.Length;
        if (kept.Rip == rip && length > 0 && length <= bytes.Length && bytes[..length].SequenceEqual(((ReadOnlySpan<byte>)kept.Bytes)[..length]))
        {
            instruction = kept.Instruction;
            return true;
        }

        fixed (byte* start = bytes)
        {
            _reader.Set(start, bytes.Length);
            _decoder.IP = rip;
            _decoder.Decode(out instruction);
        }

        if (_decoder.LastError == DecoderError.NoMoreBytes)
            return false;
        kept.Rip = rip;
        kept.Instruction = instruction;
        bytes[..instruction.Length].CopyTo(kept.Bytes);
        return true;
    }

    [InlineArray(GuestBlock.LongestInstruction)]
    private struct InstructionBytes
    {
        private byte _first;
    }

    private struct KeptInstruction
    {
        public ulong Rip;
        public InstructionBytes Bytes;
        public Instruction Instruction;
    }
}
