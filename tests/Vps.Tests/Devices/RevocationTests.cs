using System.Net;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

/// <summary>Two replicas on one database: what one is told, both know.</summary>
public class RevocationTests(Databases databases)
{
    // Far beyond the test: whoever waits for it fails.
    private const string LongLife = "--AUTH_CACHE_TTL_SECONDS=3600";

    [Fact]
    public async Task A_message_reaches_every_replica_at_once()
    {
        await using var redis = await RedisServer.StartAsync();
        var database = await databases.CreateAsync();
        await using var one = await VpsServer.StartAsync(database, $"--REDIS_URL={redis.Url}", LongLife);
        await using var two = await VpsServer.StartAsync(database, $"--REDIS_URL={redis.Url}", LongLife);
        await ListenAsync(redis, one, two);
        await KnowAsync(one, two);

        await one.ExecuteAsync("UPDATE devices SET status = 'REVOKED' WHERE device_id = 'inverter-1'");
        Assert.True(await Invalidations.TryTellAsync(redis.Url, "default", "inverter-1", TimeProvider.System, default));

        // Nothing else can bring it within the hour; the deadline is a slow machine's, not the message's.
        await Until.TrueAsync(() => Sizes(one, two).All(size => size == 1), deadline: TimeSpan.FromSeconds(10));
        Assert.All(await AskAsync(one, two), answer => Assert.Equal("DEVICE_REVOKED", answer.Code));
    }

    [Fact]
    public async Task Without_Redis_a_revocation_is_noticed_within_the_time_to_live()
    {
        var database = await databases.CreateAsync();
        await using var one = await VpsServer.StartAsync(database, "--AUTH_CACHE_TTL_SECONDS=2");
        await using var two = await VpsServer.StartAsync(database, "--AUTH_CACHE_TTL_SECONDS=2");
        await KnowAsync(one, two);

        await one.ExecuteAsync("UPDATE devices SET status = 'REVOKED' WHERE device_id = 'inverter-1'");

        Assert.False(await Invalidations.TryTellAsync("", "default", "inverter-1", TimeProvider.System, default));
        await Until.TrueAsync(async () => (await AskAsync(one, two)).All(answer => answer.Code == "DEVICE_REVOKED"));
    }

    [Fact]
    public async Task What_was_missed_while_Redis_was_away_is_not_believed_when_it_is_back()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(), $"--REDIS_URL={redis.Url}", LongLife);
        await ListenAsync(redis, server);
        await KnowAsync(server);

        await redis.KillAsync();
        await server.ExecuteAsync("UPDATE devices SET status = 'REVOKED' WHERE device_id = 'inverter-1'");
        Assert.False(await Invalidations.TryTellAsync(redis.Url, "default", "inverter-1", TimeProvider.System, default));
        await redis.RestartAsync();

        await Until.TrueAsync(async () => (await AskAsync(server)).All(answer => answer.Code == "DEVICE_REVOKED"));
    }

    [Fact]
    public async Task A_Redis_that_comes_after_the_start_or_that_froze_carries_messages_again()
    {
        await using var redis = await RedisServer.StartAsync();
        await redis.KillAsync();
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(), $"--REDIS_URL={redis.Url}", LongLife);

        await redis.RestartAsync();
        await ListenAsync(redis, server);
        await redis.FreezeAsync();
        Assert.False(await Invalidations.TryTellAsync(redis.Url, "default", "inverter-1", TimeProvider.System, default));
        redis.Thaw();

        await ListenAsync(redis, server);
    }

    // A message about an unknown device changes nothing; one about a known one is seen.
    private static Task ListenAsync(RedisServer redis, params VpsServer[] servers) => Until.TrueAsync(async () =>
    {
        await KnowAsync(servers);
        return await Invalidations.TryTellAsync(redis.Url, "default", "inverter-2", TimeProvider.System, default)
            && await ForgottenAsync(servers);
    });

    private static async Task<bool> ForgottenAsync(VpsServer[] servers)
    {
        try
        {
            await Until.TrueAsync(
                () => servers.All(server => Cache(server).Get("default", "inverter-2") is null && Cache(server).Get("default", "inverter-1") is not null),
                TimeSpan.FromSeconds(1));
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static async Task KnowAsync(params VpsServer[] servers)
    {
        foreach (var server in servers)
        {
            Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/v1/whoami", "device-1")).Status);
            Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/v1/whoami", "device-2")).Status);
        }
    }

    private static async Task<Answer[]> AskAsync(params VpsServer[] servers) =>
        await Task.WhenAll(servers.Select(server => server.GetAsync("/v1/whoami", "device-1")));

    private static IEnumerable<int> Sizes(params VpsServer[] servers) => servers.Select(server => Cache(server).Stats.Size);

    private static DeviceAuthCache Cache(VpsServer server) =>
        (DeviceAuthCache)server.Services.GetService(typeof(DeviceAuthCache))!;
}
