using System.Buffers.Binary;
using System.Diagnostics;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>
/// The CPU that the tests run on, as an oracle: runs code natively in a child process from any register state until something traps.
/// The child's memory is the <see cref="Arena"/>, twice; its own parts stand far away from it.
/// </summary>
internal sealed unsafe class HostCpu : IDisposable
{
    // struct ucontext: uc_mcontext, as 64-bit slots.
    private const int MachineContext = 40;
    private const int SlotRip = 16;
    private const int SlotRflags = 17;
    private const int SlotSelectors = 18;
    private const int SlotError = 19;
    private const int SlotTrap = 20;
    private const int SlotFaultAddress = 22;
    private const int SlotFloatingPoint = 23;

    /// <summary>Bytes of the FXSAVE image that belong to the CPU; Linux uses the rest.</summary>
    private const int FxBytes = 416;
    private const int ExtendedStateBitmap = 512;
    private const int YmmRegisters = 576;
    private const int YmmSize = 256;
    private const int FxImageAndMore = YmmRegisters + YmmSize;
    private const int MxcsrMask = 28;

    private const ulong SysMmap = 9;
    private const ulong SysSetrlimit = 160;
    private const ulong MapSharedFixedPopulate = 0x8011;
    private const ulong ResumeFlag = 1 << 16;

    /// <summary>NT and ID, which Linux doesn't take from a signal frame.</summary>
    private const ulong NotInSignalFrames = (1 << 14) | (1 << 21);
    private const uint FetchWriteUserPresent = 0x17;
    private const uint FetchWriteUser = 0x16;
    private const ulong KernelHalf = 1ul << 47;

    /// <summary>rax rcx rdx rbx rsp rbp rsi rdi r8..r15 in the order of struct sigcontext.</summary>
    private static readonly int[] Slots = [13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7];

    private readonly SharedMemory _control = new("oracle-control", HostProgram.ControlSize);
    private readonly SharedMemory _image;
    private readonly SharedMemory _arena = new("oracle-arena", Arena.Size);
    private readonly Process _process;
    private readonly Stream _commands;
    private readonly Stream _answers;
    private readonly uint _mxcsrMask;

    public HostCpu()
    {
        var file = HostProgram.Build(_control.Descriptor, out var handler, out var restorer);
        _image = new SharedMemory("oracle-program", file.Length);
        file.CopyTo(_image.Bytes);
        DescribeSignals(handler, restorer);
        _process = Process.Start(new ProcessStartInfo($"/proc/self/fd/{_image.Descriptor}") { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        _commands = _process.StandardInput.BaseStream;
        _answers = _process.StandardOutput.BaseStream;
        AwaitAnswer();
        _mxcsrMask = BinaryPrimitives.ReadUInt32LittleEndian(FloatingPoint()[MxcsrMask..]);
        LimitTime();
        foreach (var page in Arena.Pages)
        {
            Map(Arena.Low, page);
            Map(Arena.High, page);
        }
    }

    /// <summary>The arena's contents, shared with the child.</summary>
    public Span<byte> Memory => _arena.Bytes;

    /// <summary>Gives a state the MXCSR_MASK that this CPU's FXSAVE reports.</summary>
    public void Adopt(ref CpuState state) => BinaryPrimitives.WriteUInt32LittleEndian(((Span<byte>)state.Fx)[MxcsrMask..], _mxcsrMask);

    /// <summary>Runs from <paramref name="state"/> on until a trap, and says which, with the state then: of a fault at the instruction, of INT3 behind it.</summary>
    public CpuExit Run(ref CpuState state)
    {
        var slots = MachineSlots();
        for (var i = 0; i < Slots.Length; i++)
            slots[Slots[i]] = state.Registers[i];
        slots[SlotRip] = state.Rip;
        slots[SlotRflags] = state.Rflags;
        Control(HostProgram.StickyFlags) = state.Rflags & NotInSignalFrames;
        Control(HostProgram.FsBase) = state.FsBase;
        Control(HostProgram.GsBase) = state.GsBase;
        var fx = FloatingPoint();
        ((ReadOnlySpan<byte>)state.Fx)[..FxBytes].CopyTo(fx);
        fx[ExtendedStateBitmap] |= 7;
        state.CopyYmm(fx[YmmRegisters..]);

        Send(HostProgram.RunCommand);

        slots = MachineSlots();
        for (var i = 0; i < Slots.Length; i++)
            state.Registers[i] = slots[Slots[i]];
        state.Rip = slots[SlotRip];
        state.Rflags = slots[SlotRflags] & ~ResumeFlag;
        state.Cs = (ushort)slots[SlotSelectors];
        state.Ss = (ushort)(slots[SlotSelectors] >> 48);
        state.FsBase = Control(HostProgram.FsBase);
        state.GsBase = Control(HostProgram.GsBase);
        fx = FloatingPoint();
        fx[..FxBytes].CopyTo(state.Fx);
        state.YmmInUse = 1;
        if ((fx[ExtendedStateBitmap] & 4) != 0)
            fx.Slice(YmmRegisters, YmmSize).CopyTo(state.Ymm);
        else
            ((Span<byte>)state.Ymm).Clear();
        return Exit(slots);
    }

    public void Dispose()
    {
        _commands.Dispose();
        _process.WaitForExit();
        _process.Dispose();
        _arena.Dispose();
        _image.Dispose();
        _control.Dispose();
    }

    private static CpuExit Exit(ReadOnlySpan<ulong> slots)
    {
        const int debug = 1;
        const uint singleStep = 1 << 14;
        const int breakpoint = 3;
        const int pageFault = 14;
        var vector = (byte)slots[SlotTrap];
        var address = slots[SlotFaultAddress];

        // Linux pretends to CPL 3 that all of the kernel's half is present; for a guest it's as empty as the rest.
        var known = address < KernelHalf ? FetchWriteUserPresent : FetchWriteUser;
        return vector switch
        {
            // The kernel keeps DR6 to itself; nothing but TF raises it here.
            debug => new CpuExit(CpuExitKind.Exception, vector, singleStep),
            breakpoint => new CpuExit(CpuExitKind.SoftwareInterrupt, vector),
            pageFault => new CpuExit(CpuExitKind.Exception, vector, (uint)slots[SlotError] & known, address),
            _ => new CpuExit(CpuExitKind.Exception, vector, (uint)slots[SlotError]),
        };
    }

    /// <summary>The stack_t and the kernel's struct sigaction, for the child to pass on.</summary>
    private void DescribeSignals(ulong handler, ulong restorer)
    {
        const ulong infoRestorerOnStackNoDefer = 0x4 | 0x0400_0000 | 0x0800_0000 | 0x4000_0000;
        Control(HostProgram.StackDescription) = HostProgram.Control + HostProgram.SignalStack;
        Control(HostProgram.StackDescription + 16) = HostProgram.SignalStackSize;
        Control(HostProgram.HandlerDescription) = handler;
        Control(HostProgram.HandlerDescription + 8) = infoRestorerOnStackNoDefer;
        Control(HostProgram.HandlerDescription + 16) = restorer;
    }

    private void Map(ulong start, ArenaPages pages)
    {
        var offset = (ulong)pages.First * Arena.PageSize;
        Call(SysMmap, start + offset, (ulong)pages.Count * Arena.PageSize, (ulong)pages.Rights, MapSharedFixedPopulate, (ulong)_arena.Descriptor, offset);
    }

    /// <summary>A case that never ends would leave the test waiting: the kernel ends the process instead.</summary>
    private void LimitTime()
    {
        const ulong seconds = 10;
        Control(HostProgram.Limit) = seconds;
        Control(HostProgram.Limit + 8) = seconds;
        Call(SysSetrlimit, 0, HostProgram.Control + HostProgram.Limit);
    }

    /// <summary>Makes a system call in the child.</summary>
    private void Call(ulong number, params ReadOnlySpan<ulong> arguments)
    {
        Control(HostProgram.Call) = number;
        for (var i = 0; i < arguments.Length; i++)
            Control(HostProgram.CallArguments + (8 * i)) = arguments[i];
        Send(HostProgram.CallCommand);
        if ((long)Control(HostProgram.CallResult) < 0)
            throw new InvalidOperationException($"The oracle's system call {number} failed: {(long)Control(HostProgram.CallResult)}.");
    }

    private void Send(byte command)
    {
        _commands.WriteByte(command);
        _commands.Flush();
        AwaitAnswer();
    }

    private void AwaitAnswer()
    {
        if (_answers.ReadByte() < 0)
            throw new InvalidOperationException("The oracle's process died.");
    }

    // SAFETY: offsets are this file's and HostProgram's constants, inside the control area.
    private ref ulong Control(int offset) => ref *(ulong*)(_control.Base + offset);

    private Span<ulong> MachineSlots() => new(Shared(Control(HostProgram.Context) + MachineContext, 24 * sizeof(ulong)), 24);

    private Span<byte> FloatingPoint() => new(Shared(MachineSlots()[SlotFloatingPoint], FxImageAndMore), FxImageAndMore);

    /// <summary>What the child's address shows here; the kernel put the signal frame on the shared stack.</summary>
    private byte* Shared(ulong address, int size)
    {
        var offset = address - HostProgram.Control;
        if (offset > (ulong)(_control.Size - size))
            throw new InvalidOperationException($"The oracle's signal frame is at {address:x}, outside its stack.");

        // SAFETY: just checked.
        return _control.Base + offset;
    }
}
