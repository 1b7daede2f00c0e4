using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CloudPv.Dom0.Net;

/// <summary>
/// The network's gateway and name server: network address translation to the outside in user mode by libslirp, with no privileges.
/// One thread owns the library and sleeps in poll(2).
/// </summary>
public sealed unsafe class SlirpNat : IDisposable
{
    private const ushort EtherTypeArp = 0x0806;
    private static readonly SlirpCallbacks* Callbacks = MakeCallbacks();

    private readonly IFrameLink _link;
    private readonly PollSet _poll = new();
    private readonly Thread _thread;
    private readonly nint _slirp;
    private readonly GCHandle _self;
    private readonly byte[] _scratch = new byte[Frame.MaxLength];
    private volatile bool _stopping;

    /// <exception cref="NatUnavailableException">libslirp is not installed.</exception>
    public SlirpNat(NetworkPlan plan, IFrameLink link)
    {
        _link = link;
        _self = GCHandle.Alloc(this);
        try
        {
            _slirp = LibSlirp.New(Configuration(plan), Callbacks, GCHandle.ToIntPtr(_self));
        }
        catch (DllNotFoundException)
        {
            _self.Free();
            _poll.Dispose();
            throw new NatUnavailableException("libslirp.so.0 is not installed (Debian package libslirp0): instances can't reach the outside");
        }

        link.Incoming.Arrived = _poll.Wake;
        _thread = new Thread(Run) { IsBackground = true, Name = "nat" };
        _thread.Start();
    }

    public void Dispose()
    {
        _stopping = true;
        _poll.Wake();
        _thread.Join();
        _link.Dispose();
        _link.Incoming.Arrived = static () => { };
        LibSlirp.Cleanup(_slirp);
        _self.Free();
        _poll.Dispose();
    }

    private void Run()
    {
        while (!_stopping)
        {
            TakeFrames();
            var timeout = uint.MaxValue;
            _poll.Reset();
            LibSlirp.FillPoll(_slirp, ref timeout, &AddPoll, GCHandle.ToIntPtr(_self));
            var polled = _poll.Wait(timeout == uint.MaxValue ? Timeout.Infinite : (int)Math.Min(timeout, int.MaxValue));
            LibSlirp.Poll(_slirp, polled ? 0 : 1, &GetFound, GCHandle.ToIntPtr(_self));
        }
    }

    private void TakeFrames()
    {
        while (_link.Incoming.TryPeek(out var frame))
        {
            // Of what goes to everybody only address resolution is the gateway's business.
            if (!frame.Destination.IsMulticast || (frame.Bytes[12] << 8 | frame.Bytes[13]) == EtherTypeArp)
                Take(frame);
            _link.Incoming.RemoveOldest();
        }
    }

    /// <summary>A large TCP packet goes in whole: to slirp it is just a segment of an unusual size.</summary>
    private void Take(in Frame frame)
    {
        if (frame.Offload.Checksum != ChecksumState.Blank)
        {
            LibSlirp.Input(_slirp, frame.Bytes, frame.Bytes.Length);
            return;
        }

        var copy = _scratch.AsSpan(0, frame.Bytes.Length);
        frame.Bytes.CopyTo(copy);
        if (ChecksumFiller.TryFill(copy))
            LibSlirp.Input(_slirp, copy, copy.Length);
    }

    private static SlirpConfig Configuration(NetworkPlan plan) => new()
    {
        Version = LibSlirp.ConfigVersion,
        InEnabled = 1,
        VNetwork = SlirpConfig.Address(plan.Network.BaseAddress),
        VNetmask = SlirpConfig.Address(plan.Mask),
        VHost = SlirpConfig.Address(plan.Gateway),
        VNameserver = SlirpConfig.Address(plan.NameServer),
        VDhcpStart = SlirpConfig.Address(plan.AddressAt(NetworkPlan.FirstInstance)),
        DisableDhcp = 1,
        IfMtu = NetworkPlan.Mtu,
        IfMru = NetworkPlan.Mtu,
    };

    /// <summary>Only IPv6 router advertisements use timers, and poll gets its files anew each time.</summary>
    private static SlirpCallbacks* MakeCallbacks()
    {
        // SAFETY: libslirp keeps the pointer, so the structure lives as long as the process.
        var callbacks = (SlirpCallbacks*)NativeMemory.AllocZeroed((nuint)sizeof(SlirpCallbacks));
        callbacks->SendPacket = &SendPacket;
        callbacks->GuestError = &GuestError;
        callbacks->ClockGetNs = &ClockGetNs;
        callbacks->TimerNew = &TimerNew;
        callbacks->TimerFree = &TimerFree;
        callbacks->TimerMod = &TimerMod;
        callbacks->RegisterPollFd = &IgnoreFile;
        callbacks->UnregisterPollFd = &IgnoreFile;
        callbacks->Notify = &Notify;
        return callbacks;
    }

    private static SlirpNat From(nint opaque) => (SlirpNat)GCHandle.FromIntPtr(opaque).Target!;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint SendPacket(byte* packet, nuint length, nint opaque)
    {
        // SAFETY: libslirp gives a whole frame that stays its own; it is copied before the call returns.
        From(opaque)._link.Send(new Frame(new ReadOnlySpan<byte>(packet, (int)length), new Offload(ChecksumState.Verified)));
        return (nint)length;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int AddPoll(int file, int events, nint opaque) => From(opaque)._poll.Add(file, PollEvents.ToPoll(events));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int GetFound(int index, nint opaque) => PollEvents.FromPoll(From(opaque)._poll.Found(index));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static long ClockGetNs(nint opaque) => Stopwatch.GetElapsedTime(0).Ticks * 100;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Notify(nint opaque) => From(opaque)._poll.Wake();

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void GuestError(byte* message, nint opaque) { }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint TimerNew(nint callback, nint callbackOpaque, nint opaque) => 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void TimerFree(nint timer, nint opaque) { }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void TimerMod(nint timer, long expires, nint opaque) { }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void IgnoreFile(int file, nint opaque) { }
}

/// <summary>There is no network address translation on this machine; the message says why.</summary>
public sealed class NatUnavailableException(string message) : Exception(message);
