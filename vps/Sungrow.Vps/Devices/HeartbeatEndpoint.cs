using System.Text.Json;
using Npgsql;
using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <summary><c>POST /v1/heartbeat</c>: an edge's report on itself. A 200 acknowledges every entry of its lists.</summary>
internal static class HeartbeatEndpoint
{
    public static void MapHeartbeat(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/heartbeat", PostAsync)
            .RequireDevice()
            .WithTags("Devices")
            .WithSummary("The edge's report: counters, what waits, the inverter, gaps and missing rows")
            .Reads<EdgeReport>()
            .Produces<HeartbeatAnswer>()
            .ProducesProblems(400, 413, 415, 422, 503);

    private static async Task<IResult> PostAsync(
        HttpContext context, EdgeReports reports, BufferBalance balance, DeviceAuthCache cache, RateLimits limits, TimeProvider time,
        CancellationToken cancellationToken)
    {
        using var body = await RequestBody.ReadJsonAsync(context.Request, ProtocolLimits.MaxPayloadBytes, cancellationToken);
        if (body.Refusal is not null)
        {
            return body.Refusal;
        }

        if (Read(body.Utf8, out var refusal) is not { } report)
        {
            return refusal!;
        }

        var device = context.Device();
        if (limits.Take(device.DeviceId, samples: 0) is { } refused)
        {
            return Problems.RateLimited(context, refused);
        }

        try
        {
            report = await reports.StoreAsync(device.DeviceId, report, cancellationToken);
        }
        catch (PostgresException lost) when (lost.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            // The cache knows a device that the registry, as after a restore, does not: the next request asks it.
            cache.Invalidate(device.Tenant, device.DeviceId);
            return Problems.DatabaseUnavailable();
        }

        if (report.PollIntervalS != device.PollIntervalS)
        {
            cache.Invalidate(device.Tenant, device.DeviceId); // The next sample without interval_s stands for the new one.
        }

        var asks = await balance.TryCheckAsync(device.DeviceId, report, cancellationToken);
        return TypedResults.Json(
            new HeartbeatAnswer(time.GetUtcNow(), asks.Resend, asks.RepeatSince), ProtocolJson.Default.HeartbeatAnswer);
    }

    private static EdgeReport? Read(ReadOnlySpan<byte> utf8, out ProblemResult? refusal)
    {
        try
        {
            // First for its form alone: the serializer's exception is the same for no JSON and for JSON that is no report.
            var reader = new Utf8JsonReader(utf8);
            while (reader.Read())
            {
            }
        }
        catch (JsonException)
        {
            refusal = Problems.Of(StatusCodes.Status400BadRequest, ErrorCodes.MalformedBody, "The body is not JSON.");
            return null;
        }

        List<FieldError> errors;
        EdgeReport? report = null;
        try
        {
            report = JsonSerializer.Deserialize(utf8, ProtocolJson.Default.EdgeReport);
            errors = report is null ? [new("report", ErrorCodes.Required, "an object")] : EdgeReportRules.Check(report);
        }
        catch (JsonException wrong)
        {
            errors = [new(PathOf(wrong), ErrorCodes.WrongType, "every required member, each of its type")];
        }

        refusal = errors.Count == 0 ? null : Problems.Invalid(
            ErrorCodes.InvalidReport, "The report is not valid; nothing of it was stored.", errors);
        return refusal is null ? report : null;
    }

    // "$.waiting.rows". Below cursors the names are the client's own and stay out of the answer.
    private static string PathOf(JsonException wrong) =>
        wrong.Path is not { Length: > 2 } path ? "report"
        : path.StartsWith("$.cursors", StringComparison.Ordinal) ? "cursors"
        : path[2..];
}
