using CloudPv.Cloud;
using CloudPv.WorkerProtocol;

namespace CloudPv.Web;

/// <summary>Takes the cloud in, as the environment or appsettings say.</summary>
internal static class CloudHosting
{
    private const string DefaultAddress = "http://127.0.0.1:8080";

    /// <summary>
    /// <c>CLOUDPV_DATA</c> names the data folder, <c>ConnectionStrings:CloudPv</c> a PostgreSQL server (none: one of
    /// the service's own), <c>ASPNETCORE_URLS</c> the addresses (none: loopback only).
    /// </summary>
    public static void AddCloud(this WebApplicationBuilder builder)
    {
        builder.Configuration[WebHostDefaults.ServerUrlsKey] ??= DefaultAddress;
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        var folder = new DataFolder(builder.Configuration["CLOUDPV_DATA"] is { Length: > 0 } given ? given : DataFolder.DefaultPath());
        builder.Services.AddCloud(folder, builder.Configuration.GetConnectionString("CloudPv"), migrations: "CloudPv.Migrations");
    }
}
