using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.OpenApi;

namespace CloudPv.Web;

/// <summary>The REST API under <c>/api/v1</c>, and its description at <c>/swagger</c>.</summary>
internal static class ApiSetup
{
    private const string Version = "v1";

    public static void AddApi(this WebApplicationBuilder builder)
    {
        builder.Services.AddExceptionHandler<Problems>();
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false));
            // A misspelt field is an error, not a silent default.
            json.SerializerOptions.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
            json.SerializerOptions.RespectNullableAnnotations = true;
            json.SerializerOptions.RespectRequiredConstructorParameters = true;
        });
        builder.Services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        builder.Services.AddEndpointsApiExplorer();
        builder.Services.AddSwaggerGen(swagger =>
        {
            swagger.SwaggerDoc(Version, new OpenApiInfo { Title = "CloudPv", Version = Version });
            swagger.SupportNonNullableReferenceTypes();
            swagger.NonNullableReferenceTypesAsRequired();
            swagger.AddSecurityDefinition("key", new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer" });
            swagger.AddSecurityRequirement(document => new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("key", document)] = [] });
        });
    }

    public static void MapApi(this WebApplication app)
    {
        var api = app.MapGroup($"/api/{Version}").AddEndpointFilter<EntityTags>();
        api.MapSession();
        api.MapAccessKeys();
        api.MapImages();
        api.MapUploads();
        api.MapInstanceTypes();
        api.MapInstances();
        api.MapConsole();
        api.MapHosts();
        api.MapEvents();
    }

    public static void MapSwaggerPages(this WebApplication app)
    {
        app.MapSwagger();
        app.UseWhen(context => context.Request.Path.StartsWithSegments("/swagger", StringComparison.Ordinal), pages =>
        {
            pages.Use(async (context, next) =>
            {
                if (context.User.Identity is { IsAuthenticated: true })
                    await next(context);
                else
                    context.Response.Redirect("/");
            });
            pages.UseSwaggerUI(ui => ui.SwaggerEndpoint($"/swagger/{Version}/swagger.json", "CloudPv"));
        });
    }
}
