using System.Text;
using Microsoft.Extensions.Options;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Ingest;

/// <summary><c>POST /v1/tenants/{tenant}/devices/{device}/telemetry</c> and <c>/heartbeat</c>: readings of any device that is no inverter,
/// and that it lives. Its own checks in place of <c>RequireDevice</c>, as they come in another order.</summary>
internal static class TelemetryEndpoint
{
    public static IServiceCollection AddTelemetry(this IServiceCollection services)
    {
        services.AddOptions<TelemetryOptions>().BindConfiguration(TelemetryOptions.Section).ValidateOnStart();
        services.AddSingleton<AutoProvisioning>();
        services.AddSingleton<TelemetrySenders>();
        services.AddSingleton<TelemetryRequests>();
        return services;
    }

    public static void MapTelemetry(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/v1/tenants/{tenant}/devices/{device}").WithTags("Ingest");
        Map(TelemetryRecord.Telemetry, "Stores a device's readings, once for each time");
        Map(TelemetryRecord.Heartbeat, "Stores that a device lives; its metrics may be empty");

        void Map(string type, string summary) =>
            group.MapPost(type, (
                    string tenant, string device, HttpContext context, TelemetryRequests requests, CancellationToken cancellationToken) =>
                    requests.AnswerAsync(context, tenant, device, type, cancellationToken))
                .WithSummary(summary)
                .Reads<TelemetryMessage>()
                .Produces<TelemetryAnswer>()
                .ProducesProblems(400, 401, 403, 413, 415, 422, 429, 503);
    }
}

/// <summary>Answers one request: gathers what <see cref="TelemetryRules"/> judges by, and does what it decides.</summary>
internal sealed class TelemetryRequests(
    TelemetrySenders senders, TelemetryTable table, RateLimits rates, Refusals refusals, IOptions<TelemetryOptions> options,
    IOptions<LimitsOptions> limits, IOptions<StorageOptions> storage, TimeProvider time)
{
    public async Task<IResult> AnswerAsync(
        HttpContext context, string tenant, string deviceId, string type, CancellationToken cancellationToken)
    {
        var token = Authentication.BearerToken(context.Request);
        using var body = await ReadAsync(context.Request, cancellationToken);
        var request = new TelemetryRequest(
            tenant, deviceId, type, token is null ? null : Tokens.Digest(token), options.Value.RequireToken, body.Refusal,
            body.Refusal is null ? TelemetryReader.Read(body.Utf8, storage.Value.Window(time.GetUtcNow())) : null);
        var sender = TelemetryRules.MayNameItsSender(request)
            ? await senders.FindAsync(context, request, token, cancellationToken)
            : default;

        var isCharged = false;
        var result = TelemetryRules.ValidateAndPrepare(request, sender, time.GetUtcNow(), Take);
        if (result.Accepted is { } accepted)
        {
            var inserted = await table.AddAsync(accepted, cancellationToken);
            return TypedResults.Json(new TelemetryAnswer(inserted ? 1 : 0, inserted ? 0 : 1), TelemetryJson.Default.TelemetryAnswer);
        }

        var refusal = result.Refusal!;
        if (!result.IsAuthenticated)
        {
            refusals.Count(refusal.Code);
        }
        else if (refusal.Code != ErrorCodes.RateLimited && (isCharged || Take() is null))
        {
            // Whoever sends nothing but refusals fills no more of the quarantine than his bucket allows.
            var payload = new QuarantinedTelemetry(tenant, type, Encoding.UTF8.GetString(body.Utf8));
            await table.RefuseAsync(new(deviceId, request.Body!.Ts, refusal.Code, payload), cancellationToken);
        }

        context.Response.Headers.WWWAuthenticate = refusal.Code switch
        {
            ErrorCodes.TokenMissing => "Bearer",
            ErrorCodes.TokenInvalid or ErrorCodes.UnregisteredDevice => "Bearer error=\"invalid_token\"",
            _ => default,
        };
        return refusal;

        ProblemResult? Take()
        {
            isCharged = true;
            // Whoever shows no token drains no bucket but theirs: no device id begins with a stroke.
            return Problems.TooOften(context, rates.Take(token is null ? $"/{deviceId}" : deviceId, samples: 1));
        }
    }

    private async ValueTask<RequestBody> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var maxBytes = Math.Min(limits.Value.MaxPayloadBytes, TelemetryRules.MaxPayloadBytes);
        return request.ContentLength > maxBytes // Before its media type: the contract has the size first here.
            ? RequestBody.TooLarge(maxBytes)
            : await RequestBody.ReadJsonAsync(request, maxBytes, cancellationToken);
    }
}

/// <summary>Who sends: the device of the address, as the registry knows it, or as it becomes known now.</summary>
internal sealed class TelemetrySenders(
    DeviceAuth devices, AutoProvisioning provisioning, RateLimits rates, IOptions<TelemetryOptions> options)
{
    public async ValueTask<TelemetrySender> FindAsync(
        HttpContext context, TelemetryRequest request, string? token, CancellationToken cancellationToken)
    {
        var from = context.Connection.RemoteIpAddress;
        var (device, refusal) = await devices.FindAsync(request.Tenant, request.DeviceId, token, from, cancellationToken);
        if (device is null && refusal is null && options.Value.AutoProvision
            && request.Body is { SiteId: { } site } && !TelemetryRules.Contradicts(request))
        {
            await provisioning.TryAddAsync(request.Tenant, site, request.DeviceId, request.TokenDigest, cancellationToken);
            // Also where it could not be added: somebody else may have been faster. This look-up counts in place of the first.
            rates.GiveBackFailure(from);
            (device, refusal) = await devices.FindAsync(request.Tenant, request.DeviceId, token, from, cancellationToken);
        }

        return new(device, Problems.TooOften(context, refusal));
    }
}
