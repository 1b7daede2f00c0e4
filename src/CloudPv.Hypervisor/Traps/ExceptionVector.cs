namespace CloudPv.Hypervisor;

/// <summary>Exception vectors (SDM vol. 3, 6.3.1).</summary>
internal static class ExceptionVector
{
    public const byte DivideError = 0;
    public const byte Debug = 1;
    public const byte Nmi = 2;
    public const byte Breakpoint = 3;
    public const byte Overflow = 4;
    public const byte InvalidOpcode = 6;
    public const byte DeviceNotAvailable = 7;
    public const byte SegmentNotPresent = 11;
    public const byte StackFault = 12;
    public const byte GeneralProtection = 13;
    public const byte PageFault = 14;

    /// <summary>A bit per vector that pushes an error code: #DF, #TS, #NP, #SS, #GP, #PF, #AC.</summary>
    private const uint WithErrorCode = 0x0002_7d00;

    public static bool HasErrorCode(byte vector) => vector < 32 && (WithErrorCode >> vector & 1) != 0;
}
