namespace CloudPv.X86;

/// <summary>What the CPUs of one guest may do with one machine frame, whatever its page tables say.</summary>
[Flags]
public enum FrameAccess : byte
{
    /// <summary>Not this guest's: every access faults.</summary>
    None = 0,

    /// <summary>May be read and executed.</summary>
    Read = 1,

    /// <summary>May be written.</summary>
    Write = 2,
}
