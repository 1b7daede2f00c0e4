using CloudPv.SelfCheck;
using System.Buffers.Binary;
using System.Text;
using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>A start to run from: registers, the arena's contents, and the instructions that stand at RIP. All other code bytes are INT3, which ends the run.</summary>
internal sealed class TestCase
{
    public CpuState Start;

    public byte[] Memory { get; } = new byte[Arena.Size];

    public List<Instruction> Instructions { get; } = [];

    /// <summary>The status flags that are undefined (Intel SDM) when the last instruction is done.</summary>
    public ulong UndefinedFlags { get; set; }

    public void Clear(SeededRandom random)
    {
        random.Fill(Memory);
        Memory.AsSpan(Arena.Code, Arena.CodeSize).Fill(0xcc);
        Instructions.Clear();
        RandomState.Fill(ref Start, random);
    }

    /// <summary>Puts code into the arena at a linear address, as far as there are code pages; decodes what was put there.</summary>
    public void Place(ReadOnlySpan<byte> code, ulong address)
    {
        var offset = Arena.Offset(address);
        code[..Math.Min(code.Length, Arena.Code + Arena.CodeSize - offset)].CopyTo(Memory.AsSpan(offset));
        var decoder = Iced.Intel.Decoder.Create(64, code.ToArray(), address);
        while (decoder.IP < address + (ulong)code.Length)
            Instructions.Add(decoder.Decode());
        Start.Rip = address;
        UndefinedFlags = Flags.Undefined(Instructions[^1]);
    }

    /// <summary>Writes 8 bytes where a linear address shows, if that is in the arena.</summary>
    public void Poke(ulong address, ulong value)
    {
        var offset = Arena.Offset(address);
        if (offset >= 0 && offset + 8 <= Memory.Length)
            BinaryPrimitives.WriteUInt64LittleEndian(Memory.AsSpan(offset), value);
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var instruction in Instructions)
            text.AppendLine($"{instruction.IP:x}: {instruction}  ({instruction.Code})");
        return text.Append(StateText.Describe(ref Start)).ToString();
    }
}
