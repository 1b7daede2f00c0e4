namespace CloudPv.Xen.Io;

/// <summary>enum xenbus_state: the state of one half of a split driver. xen/include/public/io/xenbus.h.</summary>
public enum XenbusState
{
    Unknown = 0,
    Initialising = 1,
    InitWait = 2,
    Initialised = 3,
    Connected = 4,
    Closing = 5,
    Closed = 6,
    Reconfiguring = 7,
    Reconfigured = 8,
}
