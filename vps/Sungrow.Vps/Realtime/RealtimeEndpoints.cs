using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Realtime;

/// <param name="AgeS">Seconds since <paramref name="Ts"/>, when it was answered.</param>
/// <param name="Stale">Nothing newer has come for so long that the values say little about now.</param>
internal sealed record RealtimeAnswer(
    string DeviceId,
    DateTimeOffset Ts,
    double? PvPowerW,
    double? PvDailyKwh,
    double? BatteryPowerW,
    double? BatterySocPct,
    double? BatteryTempC,
    double? LoadPowerW,
    double? ExportPowerW,
    int SampleCount,
    double AgeS,
    bool Stale)
{
    private const double ShortestStaleS = 60;
    private const double StaleIntervals = 3;

    public static RealtimeAnswer Of(StoredSample sample, DateTimeOffset now)
    {
        // A sample may be ahead of our clock by what ingest accepts: it is new, not from the future.
        var age = Math.Max(0, (now - sample.Ts).TotalSeconds);
        return new RealtimeAnswer(
            sample.DeviceId, sample.Ts, sample.PvPowerW, sample.PvDailyKwh, sample.BatteryPowerW, sample.BatterySocPct, sample.BatteryTempC,
            sample.LoadPowerW, sample.ExportPowerW, sample.SampleCount, Math.Round(age, 3),
            age > Math.Max(ShortestStaleS, StaleIntervals * sample.IntervalS));
    }
}

internal static class RealtimeEndpoints
{
    public static IServiceCollection AddRealtime(this IServiceCollection services)
    {
        services.AddSingleton<IValidateOptions<RealtimeOptions>, RealtimeOptionsValidator>();
        services.AddOptions<RealtimeOptions>().BindConfiguration(RealtimeOptions.Section).ValidateOnStart();
        services.AddSingleton(provider => RealtimeCache.Open(
            provider.GetRequiredService<IOptions<RealtimeOptions>>().Value,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<RealtimeCache>>()));
        services.AddHostedService<RealtimeRecovery>();
        services.AddSingleton<RealtimeFeeds>();
        services.AddSingleton<RealtimeRequests>();
        return services;
    }

    public static void MapRealtime(this IEndpointRouteBuilder routes)
    {
        routes.MapStream();
        // Not by its parameters, which would open a scope for each request: what serves it lives as long as the server.
        var services = routes.ServiceProvider;
        routes.MapGet("/v1/realtime", (HttpContext context, [FromQuery(Name = "device_id")] string? named = null) =>
                services.GetRequiredService<RealtimeRequests>().AnswerAsync(context, named))
            .RequireViewer()
            .WithTags("Realtime")
            .WithSummary("The newest sample of a device")
            .Produces<RealtimeAnswer>()
            .ProducesProblems(400, 403, 404, 503);
    }
}

internal sealed class RealtimeRequests(RealtimeCache cache, NewestSamples samples, TimeProvider time)
{
    public async Task<IResult> AnswerAsync(HttpContext context, string? named)
    {
        if (VisibleDevice.Find(context, named, out var refusal) is not { } deviceId)
        {
            return refusal!;
        }

        if (await cache.ReadAsync(deviceId, samples.FindAsync, context.RequestAborted) is not { } sample)
        {
            return Problems.Of(StatusCodes.Status404NotFound, ErrorCodes.NoData, $"No sample of the device {deviceId} is stored yet.");
        }

        context.Response.Headers.CacheControl = "no-store";
        return new JsonAnswer<RealtimeAnswer>(RealtimeAnswer.Of(sample, time.GetUtcNow()), RealtimeJson.Default.RealtimeAnswer);
    }
}
