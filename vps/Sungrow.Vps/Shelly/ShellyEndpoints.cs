using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;

namespace Sungrow.Vps.Shelly;

/// <summary>What Shelly devices say, brought by a queue worker: <c>POST /api/ingest/batch</c>, and what has come:
/// <c>GET /api/stats/queue</c>.</summary>
internal static class ShellyEndpoints
{
    public static IServiceCollection AddShelly(this IServiceCollection services)
    {
        services.AddSingleton<IValidateOptions<ShellyOptions>, ShellyOptionsValidator>();
        services.AddOptions<ShellyOptions>().BindConfiguration(ShellyOptions.Section).ValidateOnStart();
        services.AddSingleton<ShellyKey>();
        services.AddSingleton<ShellyRequests>();
        services.AddSingleton<PowerLogs>();
        services.AddSingleton<QueueStats>();
        return services;
    }

    public static void MapShelly(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api").WithTags("Shelly");
        group.MapPost("/ingest/batch", (HttpContext context, ShellyRequests requests, CancellationToken cancellationToken) =>
                requests.AnswerAsync(context, cancellationToken))
            .WithSummary("Stores the readings of a batch of messages, one for each device, channel and minute")
            .WithMetadata(typeof(ShellyKey))
            .Reads<ShellyMessages>()
            .Produces<ShellyAnswer>()
            .ProducesProblems(400, 401, 413, 415, 422, 429, 500, 503);
        group.MapGet("/stats/queue", async (HttpContext context, QueueStats stats, CancellationToken cancellationToken) =>
            {
                context.Response.Headers.CacheControl = "no-store";
                return TypedResults.Json(await stats.GetAsync(cancellationToken), ShellyJson.Default.QueueAnswer);
            })
            .WithSummary("How many readings came in the last 24 hours; open to all")
            .Produces<QueueAnswer>()
            .ProducesProblems(503);
        routes.MapLoads();
    }
}

/// <summary>The one key that all queue workers show.</summary>
internal sealed class ShellyKey(IOptions<ShellyOptions> options, RateLimits rates, VpsMetrics metrics)
{
    public const string Header = "X-Api-Key";

    private readonly byte[]? _digest = options.Value.IngestApiKey.Length > 0 ? Tokens.Digest(options.Value.IngestApiKey) : null;

    /// <returns>Null where the request may pass.</returns>
    public ProblemResult? Refuse(HttpContext context)
    {
        if (_digest is null)
        {
            return Problems.Of(
                StatusCodes.Status500InternalServerError, ErrorCodes.IngestApiKeyNotConfigured, "The server has no INGEST_API_KEY, so it takes no messages.");
        }

        var shown = context.Request.Headers[Header];
        if (shown.Count == 0 || string.IsNullOrEmpty(shown[0]))
        {
            return Problems.Of(StatusCodes.Status401Unauthorized, ErrorCodes.ApiKeyMissing, $"This route needs the header {Header}.");
        }

        // Digests: of one length, whatever was shown.
        if (shown.Count == 1 && CryptographicOperations.FixedTimeEquals(Tokens.Digest(shown[0]!), _digest))
        {
            return null;
        }

        metrics.AuthenticationFailed();
        return rates.TakeFailure(context.Connection.RemoteIpAddress) is { } tooOften
            ? Problems.RateLimited(context, tooOften)
            : Problems.Of(StatusCodes.Status401Unauthorized, ErrorCodes.ApiKeyInvalid, $"{Header} is not the server's INGEST_API_KEY.");
    }
}

/// <summary>Answers one batch: the key before anything of the body is read, then the body, then every message.</summary>
internal sealed class ShellyRequests(
    ShellyKey key, PowerLogs logs, IOptions<LimitsOptions> limits, TimeProvider time, ILogger<ShellyRequests> log)
{
    public async Task<IResult> AnswerAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        if (key.Refuse(context) is { } refusal)
        {
            return refusal;
        }

        ShellyBatch batch;
        using (var body = await RequestBody.ReadJsonAsync(context.Request, limits.Value.MaxPayloadBytes, cancellationToken))
        {
            if (body.Refusal is not null)
            {
                return body.Refusal;
            }

            batch = ShellyBatchReader.Read(body.Utf8, time.GetUtcNow());
        }

        if (batch.Malformed is not null)
        {
            return Problems.Of(StatusCodes.Status400BadRequest, ErrorCodes.MalformedBody, batch.Malformed);
        }

        if (batch.Errors.Count > 0)
        {
            return Problems.Invalid(
                ErrorCodes.InvalidMessages, "Nothing was stored; errors names each bad message and what is allowed.", batch.Errors);
        }

        var (inserted, duplicates) = await logs.WriteAsync(batch, cancellationToken);
        var seconds = Math.Round(time.GetElapsedTime(started).TotalSeconds, 2);
        log.ShellyBatch(inserted, duplicates, batch.Refused.Count, batch.Messages, batch.Devices.Count, seconds);
        return TypedResults.Json(
            new ShellyAnswer(inserted, duplicates, batch.Refused.Count, batch.Messages, batch.Devices.Count, seconds),
            ShellyJson.Default.ShellyAnswer);
    }
}
