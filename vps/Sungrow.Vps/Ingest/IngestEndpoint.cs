using Microsoft.Extensions.Options;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Realtime;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Ingest;

/// <summary><c>POST /v1/ingest</c>: one batch, one transaction, one answer. Any refusal leaves the samples with the sender.</summary>
internal static class IngestEndpoint
{
    public static IServiceCollection AddIngest(this IServiceCollection services) =>
        services.AddSingleton<IngestRequests>()
            // Also when nothing was new: the first answer may have been lost before its cache was told.
            .AddSingleton<AfterCommit>(provider => provider.GetRequiredService<RealtimeCache>().InvalidateAsync);

    public static void MapIngest(this IEndpointRouteBuilder routes)
    {
        // Not as a parameter, which would open a scope for each request: what serves it lives as long as the server.
        var services = routes.ServiceProvider;
        routes.MapPost("/v1/ingest", (HttpContext context, CancellationToken cancellationToken) =>
                services.GetRequiredService<IngestRequests>().AnswerAsync(context, cancellationToken))
            .RequireDevice()
            .WithTags("Ingest")
            .WithSummary("Stores a batch of one device's samples, each exactly once")
            .Reads<IngestBatch>()
            .Produces<IngestAnswer>()
            .ProducesProblems(400, 413, 415, 422, 503);
    }
}

/// <summary>Answers one request. The checks stand in the order that the contract fixes; who calls is known already.</summary>
internal sealed class IngestRequests(
    TimescaleBatchWriter writer, RateLimits rates, IOptions<LimitsOptions> limits, IOptions<StorageOptions> storage,
    VpsMetrics metrics, TimeProvider time, ILogger<IngestRequests> log)
{
    // Writes its answer itself: the framework's wait for a result is one more thing to keep for each request that waits for the database.
    public async Task AnswerAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var device = context.Device();
        ReadBatch batch;
        using (var body = await RequestBody.ReadJsonAsync(context.Request, limits.Value.MaxPayloadBytes, cancellationToken))
        {
            if (body.Refusal is not null)
            {
                await body.Refusal.ExecuteAsync(context);
                return;
            }

            batch = IngestBatchReader.Read(body.Utf8, storage.Value.Window(time.GetUtcNow()));
        }

        if ((Refuse(batch, device) ?? Problems.TooOften(context, rates.Take(device.DeviceId, batch.Samples.Count))) is { } refusal)
        {
            await refusal.ExecuteAsync(context);
            return;
        }

        var answer = await writer.WriteAsync(
            new SampleBatch(device.DeviceId, batch.BufferId, batch.Samples, device.PollIntervalS), cancellationToken);
        metrics.Ingested(answer);
        Report(device.DeviceId, batch.Samples.Count, answer);
        await new JsonAnswer<IngestAnswer>(answer, ProtocolJson.Default.IngestAnswer).ExecuteAsync(context);
    }

    private static ProblemResult? Refuse(ReadBatch batch, AuthenticatedDevice device)
    {
        if (batch.TooManySamples)
        {
            return Problems.Of(
                StatusCodes.Status413PayloadTooLarge, ErrorCodes.TooManySamples,
                $"At most {ProtocolLimits.MaxSamples} samples in one request.");
        }

        if (batch.Malformed is not null)
        {
            return Problems.Of(StatusCodes.Status400BadRequest, ErrorCodes.MalformedBody, batch.Malformed);
        }

        if (batch.DeviceIds.FirstOrDefault(deviceId => deviceId != device.DeviceId) is { } other)
        {
            return Problems.Of(
                StatusCodes.Status403Forbidden, ErrorCodes.DeviceMismatch,
                $"The token is of the device {device.DeviceId}, but a sample is of {other}. Nothing was stored.");
        }

        return batch.Errors.Count == 0
            ? null
            : Problems.Invalid(
                ErrorCodes.InvalidSamples, "Nothing was stored; errors names each bad sample and what is allowed.", batch.Errors);
    }

    private void Report(string deviceId, int samples, IngestAnswer answer)
    {
        if (answer.Conflicts > 0)
        {
            log.Conflicts(deviceId, answer.Conflicts);
        }

        if (samples > 1)
        {
            log.Batch(deviceId, answer.Inserted, answer.Duplicates, answer.Conflicts);
        }
        else
        {
            log.Single(deviceId, answer.Inserted, answer.Duplicates, answer.Conflicts);
        }
    }
}
