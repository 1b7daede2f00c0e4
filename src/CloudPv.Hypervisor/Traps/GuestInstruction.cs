using CloudPv.X86;
using Iced.Intel;

namespace CloudPv.Hypervisor;

/// <summary>Reads the instruction at a vCPU's RIP. One for each vCPU, reused, so that emulation allocates nothing.</summary>
internal sealed class GuestInstruction : CodeReader
{
    private const int LongestInstruction = 15;

    private readonly byte[] _bytes = new byte[LongestInstruction];
    private readonly Decoder _decoder;
    private int _length;
    private int _position;

    public GuestInstruction() => _decoder = Decoder.Create(64, this);

    /// <summary>The bytes that the last <see cref="Fetch"/> read.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>Decodes the instruction at RIP. False: its bytes can't be read, or are none.</summary>
    public bool TryDecode(Vcpu vcpu, out Instruction instruction)
    {
        Fetch(vcpu);
        _position = 0;
        _decoder.IP = vcpu.Cpu.State.Rip;
        _decoder.Decode(out instruction);
        return !instruction.IsInvalid;
    }

    /// <summary>Reads what there is at RIP, up to the longest instruction; fewer bytes where the next page can't be read.</summary>
    public void Fetch(Vcpu vcpu)
    {
        ulong rip = vcpu.Cpu.State.Rip;
        _length = LongestInstruction;
        if (vcpu.Cpu.TryRead(rip, _bytes, out _))
            return;
        _length = Math.Min(LongestInstruction, MachineMemory.FrameSize - (int)(rip % MachineMemory.FrameSize));
        if (!vcpu.Cpu.TryRead(rip, _bytes.AsSpan(0, _length), out _))
            _length = 0;
    }

    public override int ReadByte() => _position < _length ? _bytes[_position++] : -1;
}
