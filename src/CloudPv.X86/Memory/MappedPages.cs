using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>Zeroed pages, committed as they are touched and given back when nothing refers to this object any more.</summary>
internal sealed unsafe class MappedPages : SafeHandle
{
    private readonly ulong _size;

    public MappedPages(ulong size)
        : base(invalidHandleValue: 0, ownsHandle: true)
    {
        _size = size;
        SetHandle((nint)HostSystem.MapAnonymousPages(size, HostSystem.ProtRead | HostSystem.ProtWrite));
    }

    public override bool IsInvalid => handle == 0;

    public byte* Start => (byte*)handle;

    protected override bool ReleaseHandle()
    {
        HostSystem.Unmap((byte*)handle, _size);
        return true;
    }
}
