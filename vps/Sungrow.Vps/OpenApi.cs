using Microsoft.AspNetCore.Authorization;
using Microsoft.OpenApi;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Fleet;
using Sungrow.Vps.History;
using Sungrow.Vps.Ingest;
using Sungrow.Vps.Shelly;

namespace Sungrow.Vps;

/// <summary><c>/openapi/v1.json</c>: the routes for those who write a client.</summary>
internal static class OpenApi
{
    private const string Bearer = "bearer";
    private const string ApiKey = "api_key";

    public static IServiceCollection AddDescription(this IServiceCollection services)
    {
        // The description takes its shapes from here; the routes themselves name their shapes.
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.PropertyNamingPolicy = ProtocolJson.Default.Options.PropertyNamingPolicy;
            json.SerializerOptions.NumberHandling = ProtocolJson.Default.Options.NumberHandling;
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, HealthJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, TelemetryJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, ShellyJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, HistoryJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, SessionJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, FleetJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, ProtocolJson.Default);
        });
        return services.AddOpenApi(options =>
        {
            options.AddDocumentTransformer((document, _, _) =>
            {
                document.Info.Title = "Sungrow";
                document.Info.Description =
                    "Device tokens ingest and report; viewer tokens read. Every error is application/problem+json with a stable code.";
                document.AddComponent(Bearer, new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer" });
                document.AddComponent(
                    ApiKey,
                    new OpenApiSecurityScheme { Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Header, Name = ShellyKey.Header });
                return Task.CompletedTask;
            });
            options.AddOperationTransformer(async (operation, context, cancellationToken) =>
            {
                var metadata = context.Description.ActionDescriptor.EndpointMetadata;
                if (operation.Responses?.ContainsKey("401") == true && !metadata.OfType<IAllowAnonymous>().Any())
                {
                    var scheme = metadata.Contains(typeof(ShellyKey)) ? ApiKey : Bearer;
                    operation.Security = [new() { [new OpenApiSecuritySchemeReference(scheme, context.Document)] = [] }];
                }

                if (metadata.OfType<Body>().FirstOrDefault() is { } body)
                {
                    var schema = await context.GetOrCreateSchemaAsync(body.Type, parameterDescription: null, cancellationToken);
                    context.Document!.AddComponent(body.Type.Name, schema);
                    var json = new OpenApiMediaType { Schema = new OpenApiSchemaReference(body.Type.Name, context.Document) };
                    operation.RequestBody = new OpenApiRequestBody
                    {
                        Required = true,
                        Description = "Plain, or with Content-Encoding: gzip.",
                        Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal) { ["application/json"] = json },
                    };
                }
            });
        });
    }

    /// <summary>What a route reads. Not by Accepts, which would let routing refuse a media type before anybody has looked at the
    /// token.</summary>
    public static RouteHandlerBuilder Reads<T>(this RouteHandlerBuilder route) => route.WithMetadata(new Body(typeof(T)));

    /// <summary>The refusals of a route, beside those of its authentication.</summary>
    public static RouteHandlerBuilder ProducesProblems(this RouteHandlerBuilder route, params ReadOnlySpan<int> statuses)
    {
        foreach (var status in statuses)
        {
            route.Produces<Problem>(status, Problem.ContentType);
        }

        return route;
    }

    private sealed record Body(Type Type);
}
