namespace CloudPv.Hypervisor;

/// <summary>
/// How to take a lock that is held for microseconds, as a domain's frames are while a table is checked: a thread that sleeps is woken in tens of them, so it pays to look
/// for longer than <see cref="Lock"/> does by itself.
/// </summary>
internal static class PatientLock
{
    /// <summary>Some 20 µs (<see cref="Thread.SpinWait"/> takes about 37 ns each).</summary>
    private const int LooksBeforeSleep = 128, SpinsBetweenLooks = 4;

    public static void EnterPatiently(this Lock taken)
    {
        for (int look = 0; look < LooksBeforeSleep; look++)
        {
            if (taken.TryEnter())
                return;
            Thread.SpinWait(SpinsBetweenLooks);
        }
        taken.Enter();
    }
}
