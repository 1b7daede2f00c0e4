namespace CloudPv.Dom0.Tests.Fakes;

/// <summary>Waits for what another thread does without an event that a test could wait for.</summary>
internal static class Eventually
{
    public static async Task Is(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!condition())
            await Task.Delay(1, deadline.Token);
    }
}
