using System.Globalization;
using System.Net;
using System.Text.Json;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests;

public class MainJobTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_poll_the_inverter_served_is_stored_once_with_the_values_it_served()
    {
        await using var home = await Home.OpenAsync(Cancelled);

        var edge = home.StartEdge("run", "--seconds", "10");
        Assert.True(await edge.ExitCodeAsync(cancellationToken: Cancelled) == 0, edge.Output);

        var stored = await home.StoredAsync(Cancelled);
        var status = await home.StatusAsync(Cancelled);
        Assert.Contains($"polled={stored.Count} ", edge.Lines[^1], StringComparison.Ordinal);
        Assert.True(stored.Count >= 5, edge.Output);
        Assert.Equal((stored.Count, stored.Count, 0), (status.Committed, status.Acknowledged, status.Waiting));
        AssertNothingMissing(stored);
        Assert.Equal(home.Served().Take(stored.Count), stored.Select(sample => sample.Metrics));
    }

    [Fact]
    public async Task The_owner_sees_what_the_inverter_served_last()
    {
        await using var home = await Home.OpenAsync(Cancelled);
        Assert.Equal(HttpStatusCode.NotFound, (await home.RealtimeAsync(Cancelled)).StatusCode);

        home.StartEdge("run");

        // The answer follows poll by poll: three different samples, each one that the inverter served, each fresh.
        var seen = new List<(string Ts, Metrics Metrics)>();
        await Until.TrueAsync(
            async () =>
            {
                using var answer = await home.RealtimeAsync(Cancelled);
                if (answer.StatusCode != HttpStatusCode.OK)
                {
                    return false;
                }

                using var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancelled));
                var now = body.RootElement;
                Assert.Equal(home.Serial, now.GetProperty("device_id").GetString());
                Assert.False(now.GetProperty("stale").GetBoolean());
                var ts = now.GetProperty("ts").GetString()!;
                if (seen.Count == 0 || seen[^1].Ts != ts)
                {
                    seen.Add((ts, new([.. Metrics.Names.Select(name => (double?)now.GetProperty(name).GetDouble())])));
                }

                return seen.Count == 3;
            },
            cancellationToken: Cancelled);

        var times = seen.ConvertAll(sample => DateTimeOffset.Parse(sample.Ts, CultureInfo.InvariantCulture));
        Assert.Equal(times, times.Order());
        var served = home.Served();
        Assert.All(seen, sample => Assert.Contains(sample.Metrics, served));
    }

    [Fact]
    public async Task An_outage_of_the_VPS_delays_samples_and_loses_none()
    {
        await using var home = await Home.OpenAsync(Cancelled);
        var edge = home.StartEdge("run");
        await Until.TrueAsync(async () => (await home.StoredAsync(Cancelled)).Count >= 2, cancellationToken: Cancelled);

        await home.KillVpsAsync();
        await Until.TrueAsync(async () => (await home.StatusAsync(Cancelled)).Waiting >= 3, cancellationToken: Cancelled);
        Assert.Contains(edge.Lines, line => line.Contains("Samples wait in the buffer", StringComparison.Ordinal));
        await home.StartVpsAsync(Cancelled);

        await Until.TrueAsync(() => edge.Lines.Any(line => line.Contains("takes samples again", StringComparison.Ordinal)), cancellationToken: Cancelled);
        await AssertDrainsAsync(home, edge);
    }

    [Fact]
    public async Task A_killed_edge_goes_on_where_it_was()
    {
        await using var home = await Home.OpenAsync(Cancelled);
        var before = 0;
        for (var round = 0; round < 4; round++)
        {
            home.StartEdge("run");
            await Until.TrueAsync(
                async () =>
                {
                    var stored = (await home.StoredAsync(Cancelled)).Count;
                    return stored >= before + 2;
                },
                cancellationToken: Cancelled);
            await home.KillEdgeAsync();
            before = (await home.StoredAsync(Cancelled)).Count;
        }

        var last = home.StartEdge("run");
        await last.LineAsync("opened", cancellationToken: Cancelled);
        await AssertDrainsAsync(home, last);
    }

    [Fact]
    public async Task An_inverter_that_goes_away_leaves_a_gap_and_no_invented_sample()
    {
        await using var home = await Home.OpenAsync(Cancelled);
        var edge = home.StartEdge("run");
        await Until.TrueAsync(async () => (await home.StoredAsync(Cancelled)).Count >= 2, cancellationToken: Cancelled);

        await home.PullInverterAsync();
        await edge.LineAsync("No sample from the inverter", cancellationToken: Cancelled);
        await home.StartInverterAsync(Cancelled);
        await Until.TrueAsync(
            () => edge.Lines.Count(line => line.Contains("Inverter reached", StringComparison.Ordinal)) >= 2, cancellationToken: Cancelled);

        var stored = await AssertDrainsAsync(home, edge);
        var served = home.Served();
        Assert.All(stored, sample => Assert.Contains(sample.Metrics, served));
    }

    [Fact]
    public async Task The_VPS_keeps_the_edge_s_account()
    {
        await using var home = await Home.OpenAsync(Cancelled);
        var edge = home.StartEdge("run", "--seconds", "4");
        Assert.True(await edge.ExitCodeAsync(cancellationToken: Cancelled) == 0, edge.Output);

        // The report at the stop is the edge's last word.
        var status = await home.StatusAsync(Cancelled);
        var reported = await home.ScalarAsync<long>("SELECT committed FROM buffers", Cancelled);
        var stored = await home.ScalarAsync<long>($"SELECT count(*) FROM sungrow_samples WHERE buffer_id = '{status.BufferId}'", Cancelled);
        Assert.Equal((status.Committed, status.Committed), (reported, stored));
    }

    private static async Task<List<StoredSample>> AssertDrainsAsync(Home home, ProgramProcess edge)
    {
        await Until.TrueAsync(
            async () => await home.StatusAsync(Cancelled) is { Waiting: <= 1 } status && (await home.StoredAsync(Cancelled)).Count >= status.Acknowledged,
            cancellationToken: Cancelled);
        edge.Terminate();
        Assert.True(await edge.ExitCodeAsync(cancellationToken: Cancelled) == 0, edge.Output);

        var end = await home.StatusAsync(Cancelled);
        var stored = await home.StoredAsync(Cancelled);
        Assert.InRange(stored.Count, end.Acknowledged, end.Committed);
        AssertNothingMissing(stored);
        return stored;
    }

    /// <summary>The numbers of the buffer stand in the table without a hole and without a twin.</summary>
    private static void AssertNothingMissing(List<StoredSample> stored) =>
        Assert.Equal(Enumerable.Range(1, stored.Count).Select(seq => (long)seq), stored.Select(sample => sample.Seq));
}
