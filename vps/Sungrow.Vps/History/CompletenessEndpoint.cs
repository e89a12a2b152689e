using Microsoft.AspNetCore.Mvc;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;

namespace Sungrow.Vps.History;

/// <summary><c>GET /v1/completeness</c>: for each hour or day where every expected sample is.</summary>
internal static class CompletenessEndpoint
{
    private const string GroupForm = "group=hour or day";

    public static void MapCompleteness(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/completeness", GetAsync)
            .RequireViewer()
            .WithTags("History")
            .WithSummary("Per hour or day: how many samples were expected, how many are stored, and where the others are")
            .Produces<CompletenessAnswer>(StatusCodes.Status200OK, Representation.Json, Representation.Csv)
            .Produces(StatusCodes.Status304NotModified)
            .ProducesProblems(400, 503);

    private static async Task<IResult> GetAsync(
        HttpContext context, CompletenessReader reader, TimeProvider time,
        [FromQuery(Name = "device_id")] string? deviceId = null, string? from = null, string? to = null, string group = "hour")
    {
        if (group is not ("hour" or "day"))
        {
            return HistoryRange.Refuse(GroupForm);
        }

        var now = time.GetUtcNow();
        var (asked, refusal) = await HistoryRange.ReadAsync(context, deviceId, from, to, now, context.RequestAborted);
        if (asked is not { } range)
        {
            return refusal!;
        }

        if (Resolution.IsTooLarge(group == "hour" ? Resolution.Hour : Resolution.Day, range.From, range.To))
        {
            return HistoryEndpoint.TooLarge(Resolution.MostPoints);
        }

        // No period of the future.
        var until = range.To < now ? range.To : now > range.From ? now : range.From;
        var boundaries = range.Calendar.Boundaries(group == "hour" ? Period.Hour : Period.Day, range.From, until);
        var periods = boundaries.Count < 2 ? [] : await reader.ReadAsync(range.DeviceId, boundaries, context.RequestAborted);
        return Representation.WantsCsv(context.Request)
            ? Representation.Of(context, ToCsv(periods), Representation.Csv)
            : HistoryEndpoint.Answer(
                context, new CompletenessAnswer(range.DeviceId, range.TimeZone, periods), HistoryJson.Default.CompletenessAnswer);
    }

    private static byte[] ToCsv(List<CompletenessPeriod> periods)
    {
        var csv = new Csv().Header(
            "from", "to", "expected", "stored", "waiting", "conflicting", "dead_lettered", "evicted", "missed", "unexplained", "gaps");
        foreach (var period in periods)
        {
            csv.Add(period.From).Add(period.To).Add(period.Expected).Add(period.Stored).Add(period.Waiting).Add(period.Conflicting)
                .Add(period.DeadLettered).Add(period.Evicted).Add(period.Missed).Add(period.Unexplained)
                .Add(string.Join(
                    "; ", period.Gaps.Select(gap => $"{gap.Reason} {Rfc3339.Write(gap.From)}/{Rfc3339.Write(gap.To)} {gap.Missed}")))
                .End();
        }

        return csv.Take();
    }
}
