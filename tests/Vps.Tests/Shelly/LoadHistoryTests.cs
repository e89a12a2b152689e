using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Sungrow.TestServers;
using Sungrow.Vps.Storage;
using Sungrow.Vps.Tests.History;
using Xunit;
using static Sungrow.Vps.Tests.Shelly.QueueWorker;

namespace Sungrow.Vps.Tests.Shelly;

public class LoadHistoryTests(Databases databases)
{
    private const string Everything = "--VIEWER_TOKENS=viewer:inverter-1,viewer:inverter-2,viewer:inverter-3,half:inverter-1";

    /// <summary>The start of the hour in which messages begin.</summary>
    private static readonly DateTimeOffset Hour = DateTimeOffset.FromUnixTimeSeconds(Start / 3600 * 3600);

    [Theory]
    [InlineData(Kind.Plain)]
    [InlineData(Kind.Timescale)]
    public async Task The_history_of_a_load_is_that_of_its_readings(Kind kind)
    {
        await using var vps = await StartAsync(kind);
        // Half an hour of 60 W, half an hour of 120 W, and a minute of the next one; on another channel something else.
        var at = (Hour - DateTimeOffset.FromUnixTimeSeconds(Start)).TotalSeconds;
        await vps.ShellyAsync(
            [.. Enumerable.Range(0, 61).Select(minute => Of("plug", at + (60 * minute) + 7, $$$"""
            {"switch:0":{"apower":{{{(minute < 30 ? 60 : 120)}}} },"switch:1":{"apower":999}}
            """))]);
        await vps.ExecuteAsync("UPDATE loads SET name = 'Fridge' WHERE channel = 0");
        await RefreshAsync(vps);

        var quarters = (await vps.HistoryAsync("loads/history", Hour, Hour.AddHours(2), "&device_id=plug&resolution=15m"));
        Assert.Equal(
            ["plug", "0", "Fridge", "UTC", "15m"],
            new[] { "device_id", "channel", "name", "time_zone", "resolution" }.Select(name => quarters.GetProperty(name).ToString()));
        Assert.Equal(
            ["900 15 60 0.015", "900 15 60 0.015", "900 15 120 0.03", "900 15 120 0.03", "60 1 120 0.002"],
            quarters.GetProperty("points").EnumerateArray().Select(point =>
                $"{point.GetProperty("covered_s")} {point.GetProperty("readings")} {point.GetProperty("power_w").GetProperty("avg")} {point.GetProperty("energy_kwh")}"));

        var hours = (await vps.HistoryAsync("loads/history", Hour, Hour.AddHours(1), "&device_id=plug&channel=0&resolution=1h")).GetProperty("points");
        var hour = Assert.Single(hours.EnumerateArray());
        Assert.Equal((Hour, Hour.AddHours(1)), (hour.Time("from"), hour.Time("to")));
        Assert.Equal(
            (90.0, 60.0, 120.0),
            (hour.GetProperty("power_w").Number("avg"), hour.GetProperty("power_w").Number("min"), hour.GetProperty("power_w").Number("max")));
        Assert.Equal(0.09, hour.Number("energy_kwh"));
    }

    [Fact]
    public async Task A_reading_that_comes_days_late_is_in_its_quarter_of_an_hour()
    {
        await using var vps = await StartAsync(Kind.Timescale);
        await vps.ShellyAsync(Message("plug"));
        await RefreshAsync(vps); // From here on what is older is seen only where it was refreshed.

        await vps.ShellyAsync(Message("plug", -5 * 86_400), Message("plug", -50 * 86_400));

        await Until.TrueAsync(async () =>
            (await vps.HistoryAsync("loads/history", Hour.AddDays(-60), Hour.AddDays(1), "&device_id=plug&resolution=1d"))
            .GetProperty("points").GetArrayLength() == 3);
    }

    [Fact]
    public async Task What_nobody_may_see_or_nobody_has_is_refused()
    {
        await using var vps = await StartAsync(Kind.Plain);
        await vps.ShellyAsync(Message("plug"));

        foreach (var (query, token, status, code) in new[]
        {
            ("device_id=plug", "half", HttpStatusCode.Forbidden, "DEVICE_NOT_VISIBLE"),
            ("device_id=plug&channel=1", "viewer", HttpStatusCode.Forbidden, "DEVICE_NOT_VISIBLE"),
            ("device_id=nobody", "viewer", HttpStatusCode.Forbidden, "DEVICE_NOT_VISIBLE"),
            ("device_id=%00", "viewer", HttpStatusCode.Forbidden, "DEVICE_NOT_VISIBLE"),
            ("", "viewer", HttpStatusCode.BadRequest, "DEVICE_ID_REQUIRED"),
            ("device_id=plug&resolution=raw", "viewer", HttpStatusCode.BadRequest, "INVALID_QUERY"),
            ("device_id=plug&from=yesterday", "viewer", HttpStatusCode.BadRequest, "INVALID_QUERY"),
            ("device_id=plug&from=2001-01-01T00:00:00Z&resolution=15m", "viewer", HttpStatusCode.BadRequest, "RANGE_TOO_LARGE"),
        })
        {
            var refused = await vps.GetAsync($"/v1/loads/history?{query}", token);
            Assert.Equal((query, status, code), (query, refused.Status, refused.Code));
        }

        Assert.Equal(HttpStatusCode.OK, (await vps.GetAsync("/v1/loads/history?device_id=plug", "viewer")).Status);
    }

    private static Task RefreshAsync(VpsServer vps) => Until.TrueAsync(() =>
        vps.Services.GetRequiredService<AggregateRefresh>().RunAsync(regular: true, TestContext.Current.CancellationToken));

    private async Task<VpsServer> StartAsync(Kind kind) =>
        await VpsServer.StartAsync(await databases.CreateAsync(kind), Setting, Everything);
}
