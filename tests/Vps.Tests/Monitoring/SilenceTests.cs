using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Sungrow.Vps.Monitoring;
using Sungrow.Vps.Storage;
using Sungrow.Vps.Tests.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Monitoring;

/// <summary>A device that went silent: by webhook and by mail, once, and once when it is back.</summary>
public class SilenceTests(Databases databases)
{
    private static readonly DateTimeOffset Start = new(2026, 6, 21, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(10, 629, false)]
    [InlineData(10, 631, true)]
    [InlineData(600, 2399, false)]
    [InlineData(600, 2401, true)]
    public void A_silence_is_one_after_three_intervals_and_ten_minutes(int interval, int silentFor, bool isTold)
    {
        var device = Device(lastSeen: Start, interval: interval);

        var alert = SilenceRule.Judge(device, Start.AddSeconds(silentFor), Start.AddDays(-1), TimeSpan.FromMinutes(10));

        Assert.Equal(isTold ? Alert.Silent : null, alert?.Kind);
    }

    [Fact]
    public void While_the_server_itself_was_away_nobody_was_silent()
    {
        var device = Device(lastSeen: Start);

        Assert.Null(SilenceRule.Judge(device, Start.AddDays(1), servingSince: Start.AddDays(1).AddMinutes(-5), TimeSpan.FromMinutes(10)));
    }

    [Fact]
    public void An_edge_that_reports_beside_a_dead_inverter_is_silent_and_back_with_a_sample()
    {
        var now = Start.AddHours(1);
        var dead = Device(lastSeen: now, lastSample: Start);

        var silence = Judge(dead, now);
        var marked = dead with { SilentSince = dead.Heard };
        var stillDead = Judge(marked with { LastSeen = now.AddHours(5) }, now.AddHours(5));
        var asleep = Judge(marked with { LastSeen = now.AddHours(9), IsAsleep = true }, now.AddHours(9));
        var back = Judge(marked with { LastSample = now.AddHours(10) }, now.AddHours(10));

        Assert.Equal(Alert.Silent, silence?.Kind);
        Assert.Equal("d (t/s) is silent: its edge reports, but no sample came from it since 2026-06-21 12:00Z.", silence?.Text);
        Assert.Null(stillDead);
        Assert.Null(asleep);
        Assert.Equal(Alert.Back, back?.Kind);
    }

    [Fact]
    public void An_inverter_that_sleeps_is_not_silent_but_its_edge_may_be()
    {
        var night = Device(lastSeen: Start.AddHours(9), lastSample: Start) with { IsAsleep = true };

        Assert.Null(Judge(night, Start.AddHours(9)));
        Assert.Equal("d (t/s) is silent: nothing came from it since 2026-06-21 21:00Z.", Judge(night, Start.AddHours(10))?.Text);
    }

    [Fact]
    public async Task Of_a_dead_inverter_is_told_unless_its_edge_says_that_it_is_night()
    {
        await using var webhook = await WebhookSink.StartAsync();
        await using var server = await StartAsync($"--Alerts:WebhookUrl={webhook.Url}");
        ManualTime time = new() { Now = Start };
        var watch = Watch(server, time);
        time.Now = Start.AddHours(1);
        await server.ExecuteAsync($"UPDATE devices SET last_seen = '{time.Now:O}' WHERE device_id = 'inverter-1'");
        await StoreAsync(server, Start);
        await server.ExecuteAsync(
            $"INSERT INTO gaps (device_id, from_ts, reason, missed, received_at) VALUES ('inverter-1', '{Start:O}', 'night', 360, now())");

        Assert.Equal(0, await watch.CheckAsync(default));
        await server.ExecuteAsync("UPDATE gaps SET reason = 'inverter_unreachable'");
        Assert.Equal(1, await watch.CheckAsync(default));
        Assert.Equal(0, await watch.CheckAsync(default));
        // For days, and then its edge dies too: all of it is one silence, which a sample ends.
        foreach (var (hours, seenHours) in new[] { (72, 72), (73, 72), (120, 72), (121, 121) })
        {
            time.Now = Start.AddHours(hours);
            await server.ExecuteAsync($"UPDATE devices SET last_seen = '{Start.AddHours(seenHours):O}' WHERE device_id = 'inverter-1'");
            Assert.Equal(0, await watch.CheckAsync(default));
        }

        await StoreAsync(server, time.Now);
        Assert.Equal(1, await watch.CheckAsync(default));

        Assert.Equal(2, webhook.Bodies.Count);
        Assert.Contains("its edge reports, but no sample came from it since 2026-06-21 12:00Z", webhook.Bodies.First(), StringComparison.Ordinal);
        Assert.Contains("is back after a silence since 2026-06-21 12:00Z", webhook.Bodies.Last(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_inverter_that_died_before_anybody_watched_is_told_of()
    {
        await using var webhook = await WebhookSink.StartAsync();
        await using var server = await StartAsync($"--Alerts:WebhookUrl={webhook.Url}");
        ManualTime time = new() { Now = Start };
        var watch = Watch(server, time);
        time.Now = Start.AddHours(1);
        await server.ExecuteAsync($"UPDATE devices SET last_seen = '{time.Now:O}' WHERE device_id = 'inverter-1'");
        await StoreAsync(server, Start.AddDays(-40));

        Assert.Equal(1, await watch.CheckAsync(default));
        Assert.Equal(0, await watch.CheckAsync(default));
    }

    [Fact]
    public async Task Of_two_replicas_one_tells_of_a_silence_and_of_its_end_once_by_each_channel()
    {
        await using var webhook = await WebhookSink.StartAsync();
        await using SmtpSink smtp = new();
        await using var server = await StartAsync(webhook, smtp);
        ManualTime time = new() { Now = Start };
        var (one, other) = (Watch(server, time), Watch(server, time));
        await server.ExecuteAsync($"UPDATE devices SET last_seen = '{Start:O}' WHERE device_id = 'inverter-1'");

        time.Now = Start.AddMinutes(9);
        Assert.Equal(0, await one.CheckAsync(default));
        time.Now = Start.AddMinutes(11);
        Assert.Equal(1, (await Task.WhenAll(one.CheckAsync(default), other.CheckAsync(default))).Sum());
        Assert.Equal(0, await one.CheckAsync(default) + await other.CheckAsync(default));
        await server.ExecuteAsync($"UPDATE devices SET last_seen = '{time.Now:O}' WHERE device_id = 'inverter-1'");
        Assert.Equal(1, await other.CheckAsync(default));
        Assert.Equal(0, await one.CheckAsync(default));

        Assert.Equal([Alert.Silent, Alert.Back], webhook.Bodies.Select(body => JsonDocument.Parse(body).RootElement.GetProperty("alert").GetString()));
        Assert.All(webhook.Bodies, body => Assert.Equal("inverter-1", JsonDocument.Parse(body).RootElement.GetProperty("device_id").GetString()));
        Assert.Equal(2, smtp.Mails.Count);
        Assert.Contains("is silent: nothing came from it since 2026-06-21 12:00Z", Unfolded(smtp.Mails.First()), StringComparison.Ordinal);
        Assert.Contains("To: owner@example.net", smtp.Mails.First(), StringComparison.Ordinal);
        Assert.Contains("is back", smtp.Mails.Last(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_one_channel_did_not_take_is_tried_again_there_and_not_repeated_elsewhere()
    {
        await using var webhook = await WebhookSink.StartAsync();
        await using SmtpSink smtp = new();
        await using var server = await StartAsync(webhook, smtp);
        ManualTime time = new() { Now = Start };
        var watch = Watch(server, time);
        await server.ExecuteAsync($"UPDATE devices SET last_seen = '{Start:O}' WHERE device_id = 'inverter-1'");
        time.Now = Start.AddMinutes(11);

        webhook.Refuse(posts: 2);
        List<int> told = [];
        for (var minute = 0; minute < 4; minute++)
        {
            told.Add(await watch.CheckAsync(default));
        }

        Assert.Equal([0, 0, 1, 0], told);

        Assert.Single(webhook.Bodies);
        Assert.Single(smtp.Mails);
    }

    private static Task StoreAsync(VpsServer server, DateTimeOffset ts) => server.ExecuteAsync(
        $"INSERT INTO sungrow_samples (device_id, ts, pv_power_w, sample_count, interval_s) VALUES ('inverter-1', '{ts:O}', 0, 1, 10)");

    private static WatchedDevice Device(DateTimeOffset lastSeen, DateTimeOffset? lastSample = null, int interval = 10) =>
        new("d", "t", "s", lastSeen, TimeSpan.FromSeconds(interval), SilentSince: null, lastSample, IsAsleep: false);

    private static Alert? Judge(WatchedDevice device, DateTimeOffset now) =>
        SilenceRule.Judge(device, now, Start.AddDays(-1), TimeSpan.FromMinutes(10));

    private Task<VpsServer> StartAsync(WebhookSink webhook, SmtpSink smtp) => StartAsync(
        $"--Alerts:WebhookUrl={webhook.Url}", "--Alerts:SmtpHost=127.0.0.1", $"--Alerts:SmtpPort={smtp.Port}", "--Alerts:SmtpTls=false",
        "--Alerts:MailFrom=sungrow@example.net", "--Alerts:MailTo=owner@example.net");

    private async Task<VpsServer> StartAsync(params string[] settings) => await VpsServer.StartAsync(await databases.CreateAsync(), settings);

    // Long lines are sent in several (quoted-printable).
    private static string Unfolded(string mail) => mail.Replace("=\n", "", StringComparison.Ordinal);

    // As a replica has one.
    private static SilenceWatch Watch(VpsServer server, ManualTime time) => new(
        server.Services.GetRequiredService<Database>(), server.Services.GetRequiredService<AlertChannels>(),
        server.Services.GetRequiredService<IOptions<AlertsOptions>>(), server.Services.GetRequiredService<VpsMetrics>(), time,
        NullLogger<SilenceWatch>.Instance);
}
