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
        var device = new WatchedDevice("d", "t", "s", Start, TimeSpan.FromSeconds(interval), SilentSince: null);

        var alert = SilenceRule.Judge(device, Start.AddSeconds(silentFor), Start.AddDays(-1), TimeSpan.FromMinutes(10));

        Assert.Equal(isTold ? Alert.Silent : null, alert?.Kind);
    }

    [Fact]
    public void While_the_server_itself_was_away_nobody_was_silent()
    {
        var device = new WatchedDevice("d", "t", "s", Start, TimeSpan.FromSeconds(10), SilentSince: null);

        Assert.Null(SilenceRule.Judge(device, Start.AddDays(1), servingSince: Start.AddDays(1).AddMinutes(-5), TimeSpan.FromMinutes(10)));
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
