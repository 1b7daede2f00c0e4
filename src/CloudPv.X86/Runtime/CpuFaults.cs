namespace CloudPv.X86;

/// <summary>The exceptions that the engine itself raises (SDM vol. 3, table 6-1).</summary>
internal static class CpuFaults
{
    public const byte DivideErrorVector = 0;
    private const byte DebugVector = 1;
    public const byte InvalidOpcodeVector = 6;
    private const byte DeviceNotAvailableVector = 7;
    public const byte StackVector = 12;
    private const byte GeneralProtectionVector = 13;
    public const byte PageVector = 14;
    public const byte X87Vector = 16;
    public const byte SimdVector = 19;

    public static CpuExit DivideError { get; } = new(CpuExitKind.Exception, DivideErrorVector);
    public static CpuExit InvalidOpcode { get; } = new(CpuExitKind.Exception, InvalidOpcodeVector);
    public static CpuExit DeviceNotAvailable { get; } = new(CpuExitKind.Exception, DeviceNotAvailableVector);
    public static CpuExit Stack { get; } = new(CpuExitKind.Exception, StackVector);
    public static CpuExit GeneralProtection { get; } = new(CpuExitKind.Exception, GeneralProtectionVector);
    public static CpuExit X87 { get; } = new(CpuExitKind.Exception, X87Vector);
    public static CpuExit Simd { get; } = new(CpuExitKind.Exception, SimdVector);

    /// <summary>DR6.BS.</summary>
    public const uint SingleStepCause = 1 << 14;

    /// <param name="causes">As in DR6.</param>
    public static CpuExit Debug(uint causes) => new(CpuExitKind.Exception, DebugVector, causes);

    public static CpuExit Page(ulong address, uint errorCode) => new(CpuExitKind.Exception, PageVector, errorCode, address);
}
