using CloudPv.X86;
using Iced.Intel;

namespace CloudPv.Hypervisor;

/// <summary>Reads the instruction at a vCPU's RIP. One for each vCPU, reused, so that emulation allocates nothing.</summary>
internal sealed class GuestInstruction
{
    private const int LongestInstruction = 15;

    private readonly byte[] _bytes = new byte[LongestInstruction];
    private int _length;

    /// <summary>The bytes that the last <see cref="Fetch"/> read.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>Decodes the instruction at RIP. False: its bytes can't be read, or are none.</summary>
    public bool TryDecode(Vcpu vcpu, out Instruction instruction)
    {
        Fetch(vcpu);
        return vcpu.Cpu.TryDecode(Bytes, out instruction);
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
}
