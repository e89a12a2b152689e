using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Realtime;
using Xunit;

namespace Sungrow.Vps.Tests.Realtime;

public class StreamTests(Databases databases)
{
    [Fact]
    public async Task A_listener_of_one_replica_hears_what_another_one_stores()
    {
        await using var redis = await RedisServer.StartAsync();
        var database = await databases.CreateAsync();
        await using var first = await VpsServer.StartAsync(database, $"--REDIS_URL={redis.Url}");
        await using var second = await VpsServer.StartAsync(database, $"--REDIS_URL={redis.Url}");
        await first.IngestAsync(Series.Sample(1));
        await using var listener = await Listener.StartAsync(second);
        Assert.Equal(1, (await listener.SampleAsync()).PvPowerW); // The newest at once,
        await IsSubscribedAsync(redis);

        for (var number = 2; number < 12; number++) // and each that comes.
        {
            await first.IngestAsync(Series.Sample(number));
            var (id, pv) = await listener.SampleAsync();
            Assert.Equal((Rfc3339.Write(Series.Sample(number).Ts), number), (id, pv));
        }

        await first.IngestAsync(Series.Sample(-5)); // A late one is not the newest.
        await first.IngestAsync(Series.Sample(20));
        Assert.Equal(20, (await listener.SampleAsync()).PvPowerW);
    }

    [Fact]
    public async Task Without_Redis_the_database_is_asked_and_a_comment_shows_that_the_connection_lives()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        await using var listener = await Listener.StartAsync(server);

        await server.IngestAsync(Series.Sample(1));

        Assert.Equal(1, (await listener.SampleAsync()).PvPowerW);
        await server.IngestAsync(Series.Sample(2));
        Assert.Equal(2, (await listener.SampleAsync()).PvPowerW);
        Assert.Equal(":", await listener.LineAsync(line => line.StartsWith(':')));
    }

    [Fact]
    public async Task After_an_outage_of_Redis_listeners_hear_again_without_coming_back()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(), $"--REDIS_URL={redis.Url}");
        await using var listener = await Listener.StartAsync(server);
        await server.IngestAsync(Series.Sample(1));
        Assert.Equal(1, (await listener.SampleAsync()).PvPowerW);

        await redis.KillAsync();
        await server.IngestAsync(Series.Sample(2));
        Assert.Equal(2, (await listener.SampleAsync()).PvPowerW);
        await redis.RestartAsync();
        await IsSubscribedAsync(redis);
        await server.IngestAsync(Series.Sample(3));
        Assert.Equal(3, (await listener.SampleAsync()).PvPowerW);
    }

    [Fact]
    public async Task Many_listeners_share_one_feed_and_it_ends_with_the_last()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        var feeds = server.Services.GetRequiredService<RealtimeFeeds>();
        var listeners = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Listener.StartAsync(server)));
        Assert.Equal(1, feeds.Count);

        await server.IngestAsync(Series.Sample(7));

        Assert.All(await Task.WhenAll(listeners.Select(listener => listener.SampleAsync())), sample => Assert.Equal(7, sample.PvPowerW));
        foreach (var listener in listeners)
        {
            await listener.DisposeAsync();
        }

        await Until.TrueAsync(() => feeds.Count == 0);
    }

    [Fact]
    public async Task A_stop_of_the_server_ends_the_streams_and_waits_for_none()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        await using var listener = await Listener.StartAsync(server);

        await server.StopAsync().WaitAsync(Until.Deadline);

        await Assert.ThrowsAsync<EndOfStreamException>(() => listener.SampleAsync());
    }

    [Fact]
    public async Task Other_peoples_devices_are_not_heard()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());

        Assert.Equal("DEVICE_NOT_VISIBLE", (await server.GetAsync("/v1/realtime/stream?device_id=inverter-2", "viewer")).Code);
        Assert.Equal("TOKEN_INVALID", (await server.GetAsync("/v1/realtime/stream?device_id=inverter-1", "device-1")).Code);
        Assert.Equal(0, server.Services.GetRequiredService<RealtimeFeeds>().Count);
    }

    private static async Task IsSubscribedAsync(RedisServer redis)
    {
        await using var console = RedisConsole.Open(redis);
        await Until.TrueAsync(async () => await console.SubscribersAsync("realtime:inverter-1") == 1);
    }

    private sealed class Listener : IAsyncDisposable
    {
        private readonly HttpClient _client;
        private readonly HttpResponseMessage _answer;
        private readonly StreamReader _lines;

        private Listener(HttpClient client, HttpResponseMessage answer, StreamReader lines) =>
            (_client, _answer, _lines) = (client, answer, lines);

        public static async Task<Listener> StartAsync(VpsServer server)
        {
            HttpClient client = new() { Timeout = Until.Deadline };
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "viewer");
            var answer = await client.GetAsync(
                new Uri(server.Address, "/v1/realtime/stream?device_id=inverter-1"), HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
            return new(client, answer, new StreamReader(await answer.Content.ReadAsStreamAsync()));
        }

        public async Task<(string Id, double PvPowerW)> SampleAsync()
        {
            Assert.Equal("event: sample", await LineAsync(line => line.StartsWith("event", StringComparison.Ordinal)));
            var id = await LineAsync(line => line.StartsWith("id: ", StringComparison.Ordinal));
            var data = await LineAsync(line => line.StartsWith("data: ", StringComparison.Ordinal));
            var json = JsonDocument.Parse(data[6..]).RootElement;
            Assert.Equal(json.GetProperty("ts").GetString(), id[4..]);
            Assert.True(json.TryGetProperty("stale", out _));
            return (id[4..], json.GetProperty("pv_power_w").GetDouble());
        }

        public async Task<string> LineAsync(Predicate<string> wanted)
        {
            while (true)
            {
                var line = await _lines.ReadLineAsync().WaitAsync(Until.Deadline) ?? throw new EndOfStreamException();
                if (wanted(line))
                {
                    return line;
                }
            }
        }

        public ValueTask DisposeAsync()
        {
            _lines.Dispose();
            _answer.Dispose();
            _client.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
