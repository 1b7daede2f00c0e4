using CloudPv.WorkerProtocol;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace CloudPv.Cloud;

/// <summary>How a host program takes the cloud in.</summary>
public static class CloudServices
{
    /// <summary>
    /// Adds the catalogue, its database and its sessions with the hosts. <see cref="CloudStart"/> starts them.
    /// </summary>
    /// <param name="connectionString">A PostgreSQL server's; null: a cluster of the service's own.</param>
    /// <param name="migrations">The assembly with the schema's steps.</param>
    public static IServiceCollection AddCloud(this IServiceCollection services, DataFolder folder, string? connectionString, string migrations)
    {
        services.AddSingleton(folder);
        services.AddSingleton(TimeProvider.System);
        if (string.IsNullOrEmpty(connectionString))
            services.AddSingleton<EmbeddedPostgres>();
        services.AddPooledDbContextFactory<CloudContext>((provider, options) => options
            .UseCloudDatabase(provider.GetService<EmbeddedPostgres>()?.ConnectionString ?? connectionString!, migrations));

        services.AddSingleton<EventLog>();
        services.AddSingleton<AccessKeys>();
        services.AddSingleton<ImageStore>();
        services.AddSingleton<Uploads>();
        services.AddSingleton<ImageGarbage>();
        services.AddSingleton<ImageCatalogue>();
        services.AddSingleton<Launches>();
        services.AddSingleton<InstanceCatalogue>();
        services.AddSingleton<HostCatalogue>();
        services.AddSingleton(new HostAddress($"unix:{folder.WorkerSocket}", new UnixSocketTransport(folder.WorkerSocket)));
        services.AddSingleton<HostSessions>();
        services.AddHostedService<CloudStart>();
        services.AddHostedService<UploadExpiry>();
        services.AddHostedService(provider => provider.GetRequiredService<HostSessions>());
        return services;
    }

    /// <summary>Npgsql with retries over broken connections, on the given server.</summary>
    public static DbContextOptionsBuilder UseCloudDatabase(this DbContextOptionsBuilder options, string connectionString, string migrations) => options
        .UseNpgsql(connectionString, npgsql => npgsql.EnableRetryOnFailure(maxRetryCount: 8, TimeSpan.FromSeconds(2), errorCodesToAdd: null).MigrationsAssembly(migrations))
        // The steps are written by hand, with no model snapshots to compare: a test compares the schemas themselves.
        .ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.PendingModelChangesWarning));
}
