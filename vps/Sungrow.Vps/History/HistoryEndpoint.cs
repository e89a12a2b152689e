using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Mvc;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;

namespace Sungrow.Vps.History;

/// <summary><c>GET /v1/history</c>: a device's samples, or what each quarter of an hour, hour or day of its site amounts to.</summary>
internal static class HistoryEndpoint
{
    private const int BytesPerFlush = 64 * 1024;

    public static void MapHistory(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/history", GetAsync)
            .RequireViewer()
            .WithTags("History")
            .WithSummary("Samples of a device, or averages, minima and maxima of its site's quarters of an hour, hours or days")
            .Produces<HistoryAnswer>(StatusCodes.Status200OK, Representation.Json, Representation.Csv)
            .Produces(StatusCodes.Status304NotModified)
            .ProducesProblems(400, 503);

    private static async Task<IResult> GetAsync(
        HttpContext context, HistoryReader reader, TimeProvider time,
        [FromQuery(Name = "device_id")] string? deviceId = null, string? from = null, string? to = null,
        string resolution = Resolution.Auto)
    {
        if (!Resolution.IsKnown(resolution))
        {
            return HistoryRange.Refuse(Resolution.Form);
        }

        var (asked, refusal) = await HistoryRange.ReadAsync(context, deviceId, from, to, time.GetUtcNow(), context.RequestAborted);
        if (asked is not { } range)
        {
            return refusal!;
        }

        var csv = Representation.WantsCsv(context.Request);
        var most = Resolution.MostPoints;
        if (resolution == Resolution.Auto)
        {
            most = Resolution.MostAutomatic;
            resolution = Resolution.Choose(range.From, range.To, range.PollIntervalS);
            if (resolution == Resolution.Raw)
            {
                // The device may have been read more often than now.
                var points = await TakeAsync(reader.ReadRawAsync(range, most + 1, context.RequestAborted), most);
                if (points is not null)
                {
                    return csv ? await StreamAsync(context, range, RawCsv, ToAsync(points)) : Answer(context, range, points);
                }

                resolution = Resolution.ChooseAggregated(range.From, range.To);
            }
        }

        if (csv)
        {
            return resolution == Resolution.Raw
                ? await StreamAsync(context, range, RawCsv, reader.ReadRawAsync(range, limit: null, context.RequestAborted))
                : await StreamAsync(context, range, PointCsv, reader.ReadAsync(range, resolution, context.RequestAborted));
        }

        if (Resolution.IsTooLarge(resolution, range.From, range.To))
        {
            return TooLarge(most);
        }

        if (resolution == Resolution.Raw)
        {
            return await TakeAsync(reader.ReadRawAsync(range, most + 1, context.RequestAborted), most) is { } points
                ? Answer(context, range, points)
                : TooLarge(most);
        }

        return await TakeAsync(reader.ReadAsync(range, resolution, context.RequestAborted), most) is { } periods
            ? Answer(context, new HistoryAnswer(range.DeviceId, range.TimeZone, resolution, periods), HistoryJson.Default.HistoryAnswer)
            : TooLarge(most);
    }

    private static IResult Answer(HttpContext context, HistoryRange range, List<RawPoint> points) =>
        Answer(
            context, new RawHistoryAnswer(range.DeviceId, range.TimeZone, Resolution.Raw, points), HistoryJson.Default.RawHistoryAnswer);

    public static IResult Answer<T>(HttpContext context, T answer, JsonTypeInfo<T> shape) =>
        Representation.Of(context, JsonSerializer.SerializeToUtf8Bytes(answer, shape), Representation.Json);

    public static ProblemResult TooLarge(int most) =>
        Problems.Of(
            StatusCodes.Status400BadRequest, ErrorCodes.RangeTooLarge,
            $"The range has more than {most} points; allowed is a shorter one, a coarser resolution, or Accept: text/csv.");

    /// <returns>Null where there are more.</returns>
    private static async Task<List<T>?> TakeAsync<T>(IAsyncEnumerable<T> points, int most)
    {
        List<T> taken = [];
        await foreach (var point in points)
        {
            if (taken.Count == most)
            {
                return null;
            }

            taken.Add(point);
        }

        return taken;
    }

    private static async IAsyncEnumerable<T> ToAsync<T>(IEnumerable<T> points)
    {
        foreach (var point in points)
        {
            yield return point;
        }

        await Task.CompletedTask;
    }

    /// <summary>However many there are, no more than a few pages of them are in memory.</summary>
    private static async Task<IResult> StreamAsync<T>(
        HttpContext context, HistoryRange range, Action<Csv, T?> write, IAsyncEnumerable<T> points)
        where T : class
    {
        var response = context.Response;
        Csv csv = new();
        write(csv, null);
        // The first row before the first byte: a database that does not answer is a 503, and not half a file.
        await foreach (var point in points)
        {
            Begin();
            write(csv, point);
            if (csv.Length >= BytesPerFlush)
            {
                await response.Body.WriteAsync(csv.Take(), context.RequestAborted);
            }
        }

        Begin();
        await response.Body.WriteAsync(csv.Take(), context.RequestAborted);
        return TypedResults.Empty;

        void Begin()
        {
            if (response.ContentType is null)
            {
                Representation.SetHeaders(response);
                response.ContentType = Representation.Csv;
                response.Headers.ContentDisposition = $"attachment; filename=\"{range.DeviceId}-history.csv\"";
            }
        }
    }

    private static void RawCsv(Csv csv, RawPoint? point)
    {
        if (point is null)
        {
            csv.Header(["ts", .. SampleRules.Metrics.Select(metric => metric.Name), "sample_count", "interval_s", "seq"]);
            return;
        }

        csv.Add(point.Ts).Add(point.PvPowerW).Add(point.PvDailyKwh).Add(point.BatteryPowerW).Add(point.BatterySocPct)
            .Add(point.BatteryTempC).Add(point.LoadPowerW).Add(point.ExportPowerW).Add(point.SampleCount).Add(point.IntervalS)
            .Add(point.Seq).End();
    }

    private static void PointCsv(Csv csv, HistoryPoint? point)
    {
        if (point is null)
        {
            string[] metrics = ["pv_power_w", "battery_power_w", "battery_soc_pct", "battery_temp_c", "load_power_w", "export_power_w"];
            csv.Header(
                ["from", "to", "covered_s", "samples", .. metrics.SelectMany(name => new[] { $"{name}_avg", $"{name}_min", $"{name}_max" }),
                 "pv_daily_kwh"]);
            return;
        }

        csv.Add(point.From).Add(point.To).Add(point.CoveredS).Add(point.Samples);
        foreach (var metric in (ReadOnlySpan<MetricSummary>)
            [point.PvPowerW, point.BatteryPowerW, point.BatterySocPct, point.BatteryTempC, point.LoadPowerW, point.ExportPowerW])
        {
            csv.Add(metric.Avg).Add(metric.Min).Add(metric.Max);
        }

        csv.Add(point.PvDailyKwh).End();
    }
}
