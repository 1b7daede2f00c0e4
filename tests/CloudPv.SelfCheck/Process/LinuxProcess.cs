using System.Runtime.InteropServices;
using System.Text;
using CloudPv.X86;

namespace CloudPv.SelfCheck.Process;

/// <summary>
/// A Linux program of one thread on a CPU of ours. The few system calls that it gets know no time and no chance: two processes that are given the same do the same.
/// It may read the host's files and write to its standard output.
/// </summary>
internal sealed partial class LinuxProcess : IDisposable, ISegmentDescriptors
{
    private const ulong ProgramBase = 0x5555_5555_4000;
    private const ulong InterpreterBase = 0x7fff_2000_0000;
    private const ulong StackTop = 0x7fff_ffff_f000;
    private const ulong StackSize = 8 << 20;
    private const ushort CodeSelector = 0x33;
    private const ushort DataSelector = 0x2b;
    private const byte PageFault = 14;
    private const byte NoFpu = 7;
    private const byte Debug = 1;

    private readonly ProgramToRun _program;
    private readonly Disturbances _disturbances;
    private ulong _break;
    private ulong _breakStart;

    public LinuxProcess(string name, TranslatorOptions options, ProgramToRun program, Disturbances disturbances)
    {
        Name = name;
        Options = options;
        _program = program;
        _disturbances = disturbances;
        Memory = new ProcessMemory(options);
        Cpu = new Cpu(Memory.Bus, 0, this) { Mode = CpuMode.User };
        Cpu.SetPageTable(CpuMode.User, Memory.Root);
        Cpu.SetExtendedStates(CpuFeatures.ExtendedStates);
        Memory.FlushPage = Cpu.FlushTlb;
        Load();
    }

    public string Name { get; }

    public TranslatorOptions Options { get; }

    public ProcessMemory Memory { get; }

    public Cpu Cpu { get; }

    /// <summary>What it wrote to its standard output.</summary>
    public MemoryStream Output { get; } = new();

    public MemoryStream Errors { get; } = new();

    /// <summary>How often it was disturbed.</summary>
    public long Disturbed { get; private set; }

    /// <summary>How it ended; null: it hasn't.</summary>
    public string? End { get; private set; }

    /// <summary>Runs it until it does something that the configuration of the translator has no influence on.</summary>
    public CpuExit Run()
    {
        while (true)
        {
            var exit = Cpu.Run();
            switch (exit.Kind)
            {
                case CpuExitKind.Kicked:
                    Disturbed++;
                    _disturbances.Disturb(this);
                    continue;
                case CpuExitKind.Exception when exit.Vector == NoFpu && Cpu.TaskSwitched:
                    Cpu.TaskSwitched = false;
                    continue;
                case CpuExitKind.Exception when exit.Vector == Debug && _disturbances.IsStepping(this):
                    continue;
                case CpuExitKind.Exception when exit.Vector == PageFault && Memory.TryTouch(exit.FaultAddress, AccessOf(exit), out var isNew) && !isNew:
                    continue;
                default:
                    _disturbances.EndSteps(this);
                    return exit;
            }
        }
    }

    /// <summary>Does what the program stopped for.</summary>
    public void Serve(in CpuExit exit)
    {
        ref var state = ref Cpu.State;
        switch (exit.Kind)
        {
            case CpuExitKind.Syscall:
                const ulong usualFlags = 0x246;
                state.Rcx = state.Rip;
                state.R11 = usualFlags;
                state.Rax = (ulong)Call(state.Rax, state.Rdi, state.Rsi, state.Rdx, state.R10, state.R8, state.R9);
                break;
            case CpuExitKind.Cpuid:
                Cpuid.Answer(ref state);
                break;
            case CpuExitKind.Exception when exit.Vector == PageFault && Memory.TryTouch(exit.FaultAddress, AccessOf(exit), out _):
                break;
            default:
                End = $"{exit} at {state.Rip:x}";
                break;
        }
    }

    public bool TryRead(ushort selector, out ulong descriptor)
    {
        descriptor = (selector & ~3) switch
        {
            CodeSelector & ~3 => 0x00af_fb00_0000_fffful,
            DataSelector & ~3 => 0x00cf_f300_0000_fffful,
            _ => 0,
        };
        return selector < 128;
    }

    public void Dispose()
    {
        Cpu.Dispose();
        Memory.Dispose();
        Output.Dispose();
        Errors.Dispose();
    }

    private static PageRights AccessOf(in CpuExit exit) => (exit.ErrorCode & 2) != 0 ? PageRights.Write : (exit.ErrorCode & 16) != 0 ? PageRights.Execute : PageRights.Read;

    private void Load()
    {
        var program = ElfProgram.Load(Memory, HostFiles.Code(_program.Path), ProgramBase);
        var interpreter = program.Interpreter is { } path ? ElfProgram.Load(Memory, HostFiles.Code(path), InterpreterBase) : program;
        _break = _breakStart = program.End;
        Memory.Map(new MemoryArea(StackTop - StackSize, StackTop, PageRights.Read | PageRights.Write));
        ref var state = ref Cpu.State;
        state.Rip = interpreter.Entry;
        state.Rsp = PushStart(program, interpreter);
        (state.Cs, state.Ss) = (CodeSelector, DataSelector);
    }

    /// <summary>Arguments, environment and auxiliary vector as the System V ABI has them. Gives the stack pointer.</summary>
    private ulong PushStart(ElfProgram program, ElfProgram interpreter)
    {
        var top = StackTop;
        ulong Push(ReadOnlySpan<byte> bytes)
        {
            top = (top - (ulong)bytes.Length) & ~15ul;
            Memory.TryWrite(top, bytes);
            return top;
        }

        ulong PushText(string text) => Push(Encoding.UTF8.GetBytes(text + "\0"));
        var path = PushText(_program.Path);
        var random = Push("sixteen bytes...."u8[..16]);
        ulong[] arguments = [PushText(_program.Path), .. _program.Arguments.Select(PushText)];
        ulong[] environment = [.. ProgramToRun.Environment.Select(variable => PushText($"{variable.Key}={variable.Value}"))];
        const ulong hardware = 0x078b_fbff; // CPUID leaf 1 EDX of any x86-64.
        const ulong user = 1000;
        ulong[] auxiliary =
        [
            3, program.Headers, 4, ElfProgram.HeaderSize, 5, (ulong)program.HeaderCount, 6, ProcessMemory.PageSize, 7, program.Interpreter is null ? 0 : interpreter.Base, 8, 0,
            9, program.Entry, 11, user, 12, user, 13, user, 14, user, 16, hardware, 17, 100, 23, 0, 25, random, 31, path, 0, 0,
        ];
        ulong[] words = [(ulong)arguments.Length, .. arguments, 0, .. environment, 0, .. auxiliary];
        return Push(MemoryMarshal.AsBytes<ulong>(words));
    }
}
