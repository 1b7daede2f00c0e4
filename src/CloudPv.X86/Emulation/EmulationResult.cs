namespace CloudPv.X86;

public enum EmulationStatus
{
    /// <summary>Done: Rip is the next instruction. A repeated string instruction that only did a part of its work leaves Rip at itself, for the caller to take interrupts.</summary>
    Done,

    /// <summary><see cref="EmulationResult.Exit"/> is to be raised; nothing of the instruction has happened (of a repeated one: nothing of the failed iteration).</summary>
    Raised,

    /// <summary>Not one of the emulated instructions; nothing has happened.</summary>
    NotHandled,
}

/// <summary>What came of one emulated instruction.</summary>
public readonly record struct EmulationResult(EmulationStatus Status, CpuExit Exit = default);
