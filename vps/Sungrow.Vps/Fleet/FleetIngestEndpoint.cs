using System.Globalization;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet;

/// <summary><c>POST /api/fleet/ingest</c>: one batch of a customer's VPS, one transaction, one answer.</summary>
internal static class FleetIngestEndpoint
{
    public const string Route = "/api/fleet/ingest";

    public static void MapFleetIngest(this IEndpointRouteBuilder routes) =>
        routes.MapPost(Route, (HttpContext context, FleetRequests requests, CancellationToken cancellationToken) =>
                requests.AnswerAsync(context, cancellationToken))
            .Require(services => new CustomerGate(services.GetRequiredService<CustomerAuth>()))
            .WithTags("Fleet")
            .WithSummary("Stores what another VPS pushes: sites, devices or measurements, as X-Batch-Type says")
            .Produces<FleetAnswer>()
            .ProducesProblems(400, 401, 413, 415, 429, 503);
}

/// <summary>Answers one request; who calls is known already.</summary>
internal sealed class FleetRequests(
    FleetMeasurements measurements, FleetSets sets, RateLimits rates, IOptions<LimitsOptions> limits, IOptions<StorageOptions> storage,
    TimeProvider time, ILogger<FleetRequests> log)
{
    // What the other VPS has taken, by its own clock, is not refused for ours.
    private static readonly TimeSpan MaxAhead = TimeSpan.FromDays(1);

    public async Task<IResult> AnswerAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var customer = context.Features.GetRequiredFeature<AuthenticatedCustomer>().CustomerId;
        var headers = context.Request.Headers;
        var type = headers[BatchTypes.TypeHeader].ToString();
        if (type is not (BatchTypes.Sites or BatchTypes.Devices or BatchTypes.Measurements))
        {
            return Problems.Of(
                StatusCodes.Status400BadRequest, ErrorCodes.BatchTypeInvalid,
                $"{BatchTypes.TypeHeader} must be {BatchTypes.Sites}, {BatchTypes.Devices} or {BatchTypes.Measurements}.");
        }

        long? cursor = long.TryParse(headers[BatchTypes.CursorHeader], NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : null;
        using var body = await RequestBody.ReadJsonAsync(context.Request, limits.Value.MaxPayloadBytes, cancellationToken);
        PushedBatch batch = new(customer, type, body.Utf8.Length, cursor);
        if (body.Refusal is not null)
        {
            return await RefuseAsync(context, batch, body.Refusal, cancellationToken);
        }

        if (type != BatchTypes.Measurements)
        {
            var (rows, refusal) = FleetSetReader.Read(type, body.Utf8);
            return refusal is not null ? await RefuseAsync(context, batch, refusal, cancellationToken)
                : TooOften(context, customer, 0) is { } often ? often
                : Answer(batch, await sets.WriteAsync(batch, rows!, cancellationToken));
        }

        var window = storage.Value.Window(time.GetUtcNow());
        var read = IngestBatchReader.Read(body.Utf8, window with { Newest = window.Newest + MaxAhead }, BatchTypes.Measurements);
        if (Refuse(read) is { } refused)
        {
            return await RefuseAsync(context, batch, refused, cancellationToken);
        }

        if (TooOften(context, customer, read.Sent) is { } tooOften)
        {
            return tooOften;
        }

        var (rejected, error) = (read.Sent - read.Samples.Count, read.Errors is [var first, ..] ? first.Code : null);
        return Answer(batch, await measurements.WriteAsync(batch, read.Samples, rejected, error, cancellationToken));
    }

    private static ProblemResult? Refuse(ReadBatch read) =>
        read.TooManySamples ? TooMany()
        : read.Malformed is { } malformed ? Problems.Of(StatusCodes.Status400BadRequest, ErrorCodes.MalformedBody, malformed)
        // Of the body as a whole; a bad row costs itself alone.
        : (read.Sent == 0 && read.Errors.Count > 0) || read.Errors.Exists(error => error.Path == BatchTypes.Measurements)
            ? FleetSetReader.Malformed(BatchTypes.Measurements)
        : null;

    public static ProblemResult TooMany() => Problems.Of(
        StatusCodes.Status413PayloadTooLarge, ErrorCodes.TooManySamples, $"At most {ProtocolLimits.MaxSamples} rows in one batch.");

    private ProblemResult? TooOften(HttpContext context, string customer, int rows) =>
        Problems.TooOften(context, rates.Take($"{CustomerAuth.Tenant}/{customer}", rows));

    // The sender is known, so that it is told apart from noise: an event, within what he may ask.
    private async Task<IResult> RefuseAsync(
        HttpContext context, PushedBatch batch, ProblemResult refusal, CancellationToken cancellationToken)
    {
        if (TooOften(context, batch.CustomerId, 0) is { } tooOften)
        {
            return tooOften;
        }

        log.FleetRefused(batch.CustomerId, batch.Type, refusal.Code);
        await sets.RecordRefusalAsync(batch, refusal.Code, cancellationToken);
        return refusal;
    }

    private JsonHttpResult<FleetAnswer> Answer(PushedBatch batch, FleetAnswer answer)
    {
        log.FleetBatch(batch.CustomerId, batch.Type, answer.Accepted, answer.Duplicates, answer.Rejected);
        return TypedResults.Json(answer, FleetJson.Default.FleetAnswer);
    }
}
