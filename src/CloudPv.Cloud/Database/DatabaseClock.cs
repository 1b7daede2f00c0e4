namespace CloudPv.Cloud;

/// <summary>Time as PostgreSQL keeps it, in microseconds: what is answered now is what is read later.</summary>
internal static class DatabaseClock
{
    public static DateTimeOffset Now(this TimeProvider clock)
    {
        var now = clock.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }
}
