using CloudPv.Dom0.Net;
using CloudPv.Worker;
using CloudPv.WorkerProtocol;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.Services.AddSingleton(new DataFolder(builder.Configuration["CLOUDPV_DATA"] is { Length: > 0 } given ? given : DataFolder.DefaultPath()));
builder.Services.AddSingleton(DomainProgram.Find(builder.Configuration["CLOUDPV_DOMAIN"]));
builder.Services.AddSingleton(TimeProvider.System);
builder.Services.AddSingleton(new NetworkOnDemand(new NetworkPlan(PrivateNetwork.Network)));
builder.Services.AddSingleton<ReportFeed>();
builder.Services.AddSingleton<WarmPool>();
builder.Services.AddSingleton<InstanceTable>();
builder.Services.AddHostedService<WorkerServer>();
await builder.Build().RunAsync();
