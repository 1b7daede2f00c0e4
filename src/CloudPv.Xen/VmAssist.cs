namespace CloudPv.Xen;

/// <summary>VMASST_CMD_*: xen/include/public/xen.h.</summary>
public enum VmAssistCommand : uint
{
    Enable = 0,
    Disable = 1,
}

/// <summary>VMASST_TYPE_*: xen/include/public/xen.h.</summary>
public enum VmAssistType
{
    FourGbSegments = 0,
    FourGbSegmentsNotify = 1,
    WritablePagetables = 2,
    PaeExtendedCr3 = 3,
    ArchitecturalIopl = 4,
    RunstateUpdateFlag = 5,
    M2pStrict = 32,
}
