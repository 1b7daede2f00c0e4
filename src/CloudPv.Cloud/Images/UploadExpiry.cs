using Microsoft.Extensions.Hosting;

namespace CloudPv.Cloud;

/// <summary>Drops abandoned uploads while the service runs.</summary>
public sealed class UploadExpiry(Uploads uploads, TimeProvider clock) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
            uploads.DropExpired();
    }
}
