using System.Runtime.InteropServices;
using Iced.Intel;

namespace CloudPv.X86;

/// <summary>A run of guest instructions to be translated together, decoded from a private copy of their bytes (the guest may change its memory at any time). Reused from block to block.</summary>
internal sealed unsafe class GuestBlock(TranslatorOptions options) : IDisposable
{
    public const int LongestBlock = 64;
    public const int LongestInstruction = 15;

    private const int BufferSize = (LongestBlock * LongestInstruction) + LongestInstruction;

    private readonly byte* _bytes = (byte*)NativeMemory.AllocZeroed(BufferSize);
    private readonly PointerReader _reader = new();
    private Decoder? _decoder;
    private readonly Instruction[] _instructions = new Instruction[LongestBlock + 1];
    private readonly InstructionForm[] _forms = new InstructionForm[LongestBlock + 1];
    private readonly int[] _starts = new int[LongestBlock + 1];

    public ulong Rip { get; private set; }

    /// <summary>The address behind the last instruction.</summary>
    public ulong End { get; private set; }

    public int Count { get; private set; }

    /// <summary>Whether the last instruction never goes on to the one behind it by itself.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Whether one of the instructions raises #NM while CR0.TS is set.</summary>
    public bool UsesFpu { get; private set; }

    /// <summary>Whether one of the instructions raises #UD while XCR0 lacks the state of AVX.</summary>
    public bool UsesAvx { get; private set; }

    /// <summary>The one instruction of this block has bytes in two pages.</summary>
    public bool Straddles { get; private set; }

    /// <summary>The guest bytes that were decoded.</summary>
    public ReadOnlySpan<byte> Bytes => new(_bytes, (int)(End - Rip));

    public ref readonly Instruction this[int index] => ref _instructions[index];

    public InstructionForm Form(int index) => _forms[index];

    /// <summary>The bytes of one instruction.</summary>
    public byte* Start(int index) => _bytes + _starts[index];

    /// <summary>Whether a conditional jump of the block leads to an address.</summary>
    public bool HasBranchTo(ulong address)
    {
        for (var index = 0; index < Count; index++)
        {
            if (_forms[index].Treatment == Treatment.JumpConditional && _instructions[index].NearBranchTarget == address)
                return true;
        }

        return false;
    }

    /// <summary>
    /// Decodes from <paramref name="page"/>, the bytes from <paramref name="rip"/> to the end of its page. False: the first instruction goes on in the next page, and
    /// <see cref="DecodeStraddling"/> is to be called with the bytes there.
    /// </summary>
    public bool TryDecode(ulong rip, ReadOnlySpan<byte> page, int limit)
    {
        var count = Math.Min(page.Length, BufferSize);
        page[..count].CopyTo(new Span<byte>(_bytes, count));
        Decode(rip, count, limit);
        Straddles = false;
        return Count > 0;
    }

    public void DecodeStraddling(ulong rip, ReadOnlySpan<byte> page, ReadOnlySpan<byte> nextPage)
    {
        page.CopyTo(new Span<byte>(_bytes, page.Length));
        nextPage[..LongestInstruction].CopyTo(new Span<byte>(_bytes + page.Length, LongestInstruction));
        Decode(rip, page.Length + LongestInstruction, limit: 1);
        Straddles = true;
    }

    private void Decode(ulong rip, int count, int limit)
    {
        _reader.Set(_bytes, count);
        _decoder ??= Decoder.Create(64, _reader);
        _decoder.IP = rip;
        Rip = rip;
        End = rip;
        Count = 0;
        IsClosed = false;
        UsesFpu = false;
        UsesAvx = false;
        while (Count < limit)
        {
            var start = (int)(_reader.Next - _bytes);
            ref var instruction = ref _instructions[Count];
            _decoder.Decode(out instruction);
            if (_decoder.LastError == DecoderError.NoMoreBytes)
                return;
            var form = InstructionForm.Of(in instruction);
            if ((form.Treatment == Treatment.MoveString && !IsPlainString(in instruction)) || (instruction.Code == Code.Cmpxchg_rm8_r8 && NamesHighByte(in instruction)))
                form = InstructionForm.Emulated;
            _forms[Count] = form;
            UsesFpu |= form.UsesFpu;
            UsesAvx |= form.UsesAvx;
            _starts[Count] = start;
            Count++;
            End = instruction.NextIP;
            switch (form.Treatment)
            {
                case Treatment.Jump or Treatment.JumpIndirect or Treatment.Call or Treatment.CallIndirect or Treatment.Return:
                case Treatment.Syscall or Treatment.Cpuid or Treatment.SoftwareInterrupt or Treatment.InterruptReturn or Treatment.InvalidOpcode or Treatment.Emulate:
                    IsClosed = true;
                    return;
                case Treatment.JumpConditional or Treatment.JumpOnCount when !options.Superblocks:
                    return;
            }
        }
    }

    /// <summary>Whether the byte 67h is among an instruction's legacy prefixes; its opcode takes the last two bytes.</summary>
    public static bool HasAddressSizePrefix(byte* start, int length) => new ReadOnlySpan<byte>(start, length - 2).Contains((byte)0x67);

    /// <summary>Whether it is one that isn't left to <see cref="Emulator"/>: 64-bit registers, no other segment, and REP only where a stub can do it.</summary>
    private bool IsPlainString(in Instruction instruction) =>
        !instruction.HasRepnePrefix && instruction.SegmentPrefix == Register.None
        && instruction.Op0Kind is OpKind.MemoryESRDI or OpKind.Register && instruction.Op1Kind is OpKind.MemorySegRSI or OpKind.Register
        && (!instruction.HasRepPrefix || (options.StringStubs && instruction.Op0Kind == OpKind.MemoryESRDI));

    /// <summary>A high byte changes places with AL's likes for the time of an instruction (see the translator), and CMPXCHG has AL as an operand of its own.</summary>
    private static bool NamesHighByte(in Instruction instruction) => IsHighByte(instruction.Op0Register) || IsHighByte(instruction.Op1Register);

    private static bool IsHighByte(Register register) => register is Register.AH or Register.CH or Register.DH or Register.BH;

    public void Dispose()
    {
        NativeMemory.Free(_bytes);
        GC.SuppressFinalize(this);
    }
}
