namespace CloudPv.Xen;

/// <summary>VMASST_CMD_*: xen/include/public/xen.h.</summary>
public enum VmAssistCommand : uint
{
    Enable = 0,
    Disable = 1,
}

