using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CloudPv.X86;

/// <summary>Zeroed pages, committed as they are touched, or a file's, shared with all who read it. Given back when nothing refers to this object any more.</summary>
internal sealed unsafe class MappedPages : SafeHandle
{
    private readonly ulong _size;

    public MappedPages(ulong size)
        : base(invalidHandleValue: 0, ownsHandle: true)
    {
        _size = size;
        SetHandle((nint)HostSystem.MapAnonymousPages(size, HostSystem.ProtRead | HostSystem.ProtWrite));
    }

    /// <param name="size">Not 0; pages behind the file's end must not be touched.</param>
    public MappedPages(SafeFileHandle file, ulong size)
        : base(invalidHandleValue: 0, ownsHandle: true)
    {
        _size = size;
        SetHandle((nint)HostSystem.Map(null, size, HostSystem.ProtRead, HostSystem.MapPrivate | HostSystem.MapPopulate, (int)file.DangerousGetHandle()));
    }

    public override bool IsInvalid => handle == 0;

    public ulong Size => _size;

    public byte* Start => (byte*)handle;

    protected override bool ReleaseHandle()
    {
        HostSystem.Unmap((byte*)handle, _size);
        return true;
    }
}
