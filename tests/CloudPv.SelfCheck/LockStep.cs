using System.Buffers;
using System.Text;
using CloudPv.SelfCheck.Process;
using CloudPv.X86;

namespace CloudPv.SelfCheck;

/// <summary>
/// Runs one program in two configurations of the translator, from one of its stops to the next, and compares at each what stopped it and all registers; now and then and at the
/// end, its memory. At last, what it wrote is compared with what it writes on the host.
/// </summary>
internal sealed class LockStep : IDisposable
{
    private const int StopsBetweenMemory = 64;
    private const ulong StatusFlags = 0x8d5;

    /// <summary>REPNE, REP, operand size, REX.W.</summary>
    private static readonly SearchValues<byte> Prefixes = SearchValues.Create([0xf2, 0xf3, 0x66, 0x48]);

    private readonly ProgramToRun _program;
    private readonly Queue<string> _lastStops = new();
    private readonly TimeSpan? _kickPeriod;

    /// <param name="kickPeriod">How often both CPUs are interrupted and disturbed; null: never.</param>
    public LockStep(ProgramToRun program, TranslatorOptions left, TranslatorOptions right, int seed, TimeSpan? kickPeriod)
    {
        _program = program;
        _kickPeriod = kickPeriod;
        Left = new LinuxProcess("left", left, program, new Disturbances(seed));
        Right = new LinuxProcess("right", right, program, new Disturbances(~seed));
    }

    public LinuxProcess Left { get; }

    public LinuxProcess Right { get; }

    /// <summary>What has happened to both together that the program doesn't see.</summary>
    public long Disturbed => Left.Disturbed + Right.Disturbed;

    /// <summary>Stops compared.</summary>
    public long Stops { get; private set; }

    /// <summary>Runs the program to its end. Gives the first difference; empty: there is none.</summary>
    public string Run(CancellationToken cancel = default)
    {
        using var kicks = _kickPeriod is { } period ? new Kicks(period, Left.Cpu, Right.Cpu) : null;
        while (Left.End is null && Right.End is null)
        {
            if (cancel.IsCancellationRequested)
                return "";
            var (left, right) = (Left.Run(), Right.Run());
            Stops++;
            var differences = CompareStops(in left, in right);
            if (Stops % StopsBetweenMemory == 0)
                differences += CompareMemory();
            if (differences.Length > 0)
                return Describe(differences);
            Note(in left);
            Left.Serve(in left);
            Right.Serve(in right);
        }

        var last = CompareMemory();
        if (Left.End != Right.End)
            last += $"left ended by {Left.End}, right by {Right.End}\n";
        if (last.Length == 0)
            last = CompareWithHost();
        return last.Length == 0 ? "" : Describe(last);
    }

    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
    }

    private string CompareStops(in CpuExit left, in CpuExit right)
    {
        var differences = left == right || AreFaultsOfOneCopy(in left, in right) ? "" : $"left stopped for {left}, right for {right}\n";

        // Flags that nothing can read: behind a fault of the program's own making, and what calls and returns leave.
        var unknown = left.Kind == CpuExitKind.Exception || Left.Options.AbiFlags || Right.Options.AbiFlags ? StatusFlags : 0;
        return differences + StateText.Differences(ref Left.Cpu.State, ref Right.Cpu.State, unknown, ignoreX87: false);
    }

    /// <summary>Of MOVS and CMPS either operand may be touched first; the other one's fault follows.</summary>
    private bool AreFaultsOfOneCopy(in CpuExit left, in CpuExit right)
    {
        const byte pageFault = 14;
        if (left.Kind != CpuExitKind.Exception || right.Kind != CpuExitKind.Exception || left.Vector != pageFault || right.Vector != pageFault)
            return false;
        Span<byte> code = stackalloc byte[4];
        if (!Left.Memory.TryRead(Left.Cpu.State.Rip, code))
            return false;
        var opcode = code[code.IndexOfAnyExcept(Prefixes) is >= 0 and var index ? index : 0];
        return opcode is >= 0xa4 and <= 0xa7;
    }

    private string CompareMemory()
    {
        var differences = new StringBuilder();
        if (!Left.Memory.Pages.SequenceEqual(Right.Memory.Pages))
            differences.Append("they have touched different pages\n");
        foreach (var page in Left.Memory.Pages.Intersect(Right.Memory.Pages))
        {
            var left = Left.Memory.PageAt(page);
            var right = Right.Memory.PageAt(page);
            var same = left.CommonPrefixLength(right);
            if (same < left.Length)
                differences.Append($"memory at {page + (ulong)same:x}: expected {left[same]:x2}, is {right[same]:x2}\n");
        }

        return differences.ToString();
    }

    private string CompareWithHost()
    {
        var expected = _program.RunOnHost();
        var actual = Left.Output.ToArray();
        if (expected.AsSpan().SequenceEqual(actual))
            return "";
        var same = expected.AsSpan().CommonPrefixLength(actual);
        return $"both wrote {actual.Length} bytes, the host {expected.Length}; they differ from byte {same} on ({Left.End})\n{Encoding.UTF8.GetString(Left.Errors.ToArray())}";
    }

    private void Note(in CpuExit exit)
    {
        const int kept = 8;
        if (_lastStops.Count == kept)
            _lastStops.Dequeue();
        ref var state = ref Left.Cpu.State;
        var call = exit.Kind == CpuExitKind.Syscall ? $" {state.Rax}({state.Rdi:x}, {state.Rsi:x}, {state.Rdx:x})" : "";
        _lastStops.Enqueue($"  {exit.Kind} {exit.Vector} at {state.Rip:x}{call}\n");
    }

    private string Describe(string differences) =>
        $"{_program}\nstop {Stops}, before it:\n{string.Concat(_lastStops)}{differences}left:  {Left.Options}\nright: {Right.Options}\n{StateText.Describe(ref Left.Cpu.State)}";
}
