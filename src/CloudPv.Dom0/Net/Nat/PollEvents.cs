namespace CloudPv.Dom0.Net;

/// <summary>SLIRP_POLL_* and POLL*: two of the five differ.</summary>
internal static class PollEvents
{
    private const int Same = 1 | 8 | 16; // IN, ERR, HUP
    private const int SlirpOut = 2, SlirpPriority = 4;
    private const int PollPriority = 2, PollOut = 4;

    public static short ToPoll(int slirp) =>
        (short)((slirp & Same) | ((slirp & SlirpOut) != 0 ? PollOut : 0) | ((slirp & SlirpPriority) != 0 ? PollPriority : 0));

    public static int FromPoll(short poll) =>
        (poll & Same) | ((poll & PollOut) != 0 ? SlirpOut : 0) | ((poll & PollPriority) != 0 ? SlirpPriority : 0);
}
