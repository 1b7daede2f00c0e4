using CloudPv.Web;

var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.AddCloud();
builder.AddSignIn();
builder.AddApi();

var app = builder.Build();
app.UseProblems();
app.UsePages();
app.UseWebSockets();
app.UseTusMethods();
app.UseRouting();
app.UseSignIn();
app.MapHealth();
app.MapApi();
app.MapSwaggerPages();
await app.RunAsync();
