using System.Globalization;
using System.Net;
using System.Text.Json;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Vps.Tests.History;

/// <summary>What a viewer asks of a server.</summary>
internal static class Requests
{
    public const string Viewer = "viewer";

    public static async Task<JsonElement> HistoryAsync(
        this VpsServer server, string route, DateTimeOffset from, DateTimeOffset to, string more = "")
    {
        var answer = await server.GetAsync($"/v1/{route}?from={Rfc3339.Write(from)}&to={Rfc3339.Write(to)}{more}", Viewer);
        Assert.True(answer.Status == HttpStatusCode.OK, $"{answer.Status}: {answer.Body}");
        return answer.Json;
    }

    public static double? Number(this JsonElement element, string member) =>
        element.GetProperty(member) is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : null;

    public static DateTimeOffset Time(this JsonElement element, string member) =>
        DateTimeOffset.Parse(element.GetProperty(member).GetString()!, CultureInfo.InvariantCulture);

    /// <summary>Samples as ingest would have stored them, without asking it for each.</summary>
    public static async Task LoadAsync(this VpsServer server, IEnumerable<SungrowSample> samples)
    {
        await using var connection = await server.Database.OpenConnectionAsync();
        await using var import = await connection.BeginBinaryImportAsync(
            """
            COPY sungrow_samples (device_id, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w,
                                  export_power_w, sample_count, interval_s) FROM STDIN (FORMAT binary)
            """);
        foreach (var sample in samples)
        {
            await import.StartRowAsync();
            await import.WriteAsync(sample.DeviceId);
            await import.WriteAsync(sample.Ts.UtcDateTime);
            foreach (var metric in SampleRules.Metrics)
            {
                await (metric.Of(sample) is { } value ? import.WriteAsync(value) : import.WriteNullAsync());
            }

            await import.WriteAsync(sample.SampleCount);
            await import.WriteAsync(sample.IntervalS ?? 10.0);
        }

        await import.CompleteAsync();
    }
}
