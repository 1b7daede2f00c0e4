namespace CloudPv.X86;

/// <summary>What a debug register watches for (SDM vol. 3, 18.2.4: the R/W fields of DR7).</summary>
public enum BreakpointKind
{
    Execute = 0,
    Write = 1,
    ReadOrWrite = 3,
}

/// <summary>One of the four breakpoints.</summary>
/// <param name="Index">0–3: its bit in DR6.</param>
/// <param name="Address">Linear, in either mode; a multiple of <paramref name="Length"/>.</param>
/// <param name="Length">Bytes: 1, 2, 4 or 8. Of an executed instruction only the first byte counts.</param>
public readonly record struct Breakpoint(int Index, BreakpointKind Kind, ulong Address, int Length)
{
    internal bool IsMetBy(ulong address, int size, bool write) =>
        Kind != BreakpointKind.Execute && (write || Kind == BreakpointKind.ReadOrWrite) && address < Address + (ulong)Length && Address < address + (ulong)size;
}
