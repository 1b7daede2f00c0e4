namespace CloudPv.Hypervisor;

/// <summary>The six arguments of a hypercall: rdi, rsi, rdx, r10, r8, r9, or those of one multicall entry.</summary>
public readonly record struct HypercallArguments(ulong Arg1, ulong Arg2 = 0, ulong Arg3 = 0, ulong Arg4 = 0, ulong Arg5 = 0, ulong Arg6 = 0);
