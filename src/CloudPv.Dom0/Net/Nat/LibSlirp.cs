using System.Net;
using System.Runtime.InteropServices;

namespace CloudPv.Dom0.Net;

/// <summary>What is used of libslirp 4.7 (libslirp.h), the user-mode TCP/IP stack of QEMU. It must be called from one thread at a time.</summary>
internal static unsafe partial class LibSlirp
{
    private const string Library = "libslirp.so.0";

    /// <summary>SLIRP_CONFIG_VERSION_MAX.</summary>
    public const uint ConfigVersion = 4;

    /// <param name="callbacks">Stays in use until <see cref="Cleanup"/>.</param>
    [LibraryImport(Library, EntryPoint = "slirp_new")]
    public static partial nint New(in SlirpConfig config, SlirpCallbacks* callbacks, nint opaque);

    [LibraryImport(Library, EntryPoint = "slirp_cleanup")]
    public static partial void Cleanup(nint slirp);

    /// <param name="timeout">In: how long the caller would sleep, in ms; out: how long it may.</param>
    [LibraryImport(Library, EntryPoint = "slirp_pollfds_fill")]
    public static partial void FillPoll(nint slirp, ref uint timeout, delegate* unmanaged[Cdecl]<int, int, nint, int> addPoll, nint opaque);

    [LibraryImport(Library, EntryPoint = "slirp_pollfds_poll")]
    public static partial void Poll(nint slirp, int selectError, delegate* unmanaged[Cdecl]<int, nint, int> getRevents, nint opaque);

    [LibraryImport(Library, EntryPoint = "slirp_input")]
    public static partial void Input(nint slirp, ReadOnlySpan<byte> packet, int length);
}

/// <summary>struct SlirpConfig.</summary>
[StructLayout(LayoutKind.Explicit, Size = 184)]
internal struct SlirpConfig
{
    [FieldOffset(0)] public uint Version;
    [FieldOffset(8)] public byte InEnabled;
    [FieldOffset(12)] public uint VNetwork;
    [FieldOffset(16)] public uint VNetmask;
    [FieldOffset(20)] public uint VHost;
    [FieldOffset(96)] public uint VDhcpStart;
    [FieldOffset(100)] public uint VNameserver;
    [FieldOffset(136)] public nuint IfMtu;
    [FieldOffset(144)] public nuint IfMru;
    [FieldOffset(177)] public byte DisableDhcp;

    /// <summary>struct in_addr: the bytes in network order.</summary>
    public static uint Address(IPAddress address) => MemoryMarshal.Read<uint>(address.GetAddressBytes());
}

/// <summary>struct SlirpCb.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SlirpCallbacks
{
    public delegate* unmanaged[Cdecl]<byte*, nuint, nint, nint> SendPacket;
    public delegate* unmanaged[Cdecl]<byte*, nint, void> GuestError;
    public delegate* unmanaged[Cdecl]<nint, long> ClockGetNs;
    public delegate* unmanaged[Cdecl]<nint, nint, nint, nint> TimerNew;
    public delegate* unmanaged[Cdecl]<nint, nint, void> TimerFree;
    public delegate* unmanaged[Cdecl]<nint, long, nint, void> TimerMod;
    public delegate* unmanaged[Cdecl]<int, nint, void> RegisterPollFd;
    public delegate* unmanaged[Cdecl]<int, nint, void> UnregisterPollFd;
    public delegate* unmanaged[Cdecl]<nint, void> Notify;
    public delegate* unmanaged[Cdecl]<nint, nint, void> InitCompleted;
    public delegate* unmanaged[Cdecl]<int, nint, nint, nint> TimerNewOpaque;
}
