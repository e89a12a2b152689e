using Sungrow.TestServers;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Realtime;

public class RealtimeCacheTests
{
    private const string Device = "inverter-1";

    private readonly Table _table = new();

    [Fact]
    public async Task The_second_read_does_not_ask_the_database()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await WorkingAsync(redis);
        _table.Commit(Samples.Of(Device, 1));

        await replica.ReadAsync(Device);
        var second = await replica.ReadAsync(Device);

        Assert.Equal(Samples.Of(Device, 1), second);
        Assert.Equal(1, _table.Asked);
    }

    [Fact]
    public async Task Every_value_comes_back_from_the_cache_to_the_last_digit()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await WorkingAsync(redis);
        StoredSample odd = new(
            Device, Samples.Noon.AddMicroseconds(1), 0.1 + 0.2, double.Epsilon, -500_000, null, -39.999999999999993, null, 0, 3600, 0.1);
        _table.Commit(odd);

        await replica.ReadAsync(Device);

        Assert.Equal(odd, await replica.ReadAsync(Device));
        Assert.Equal(1, _table.Asked);
    }

    [Fact]
    public async Task Devices_do_not_share_a_value()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await WorkingAsync(redis);
        string[] devices = [Device, Device + ".", "lease", "generation", "A", "a"];
        foreach (var (number, device) in devices.Index())
        {
            _table.Commit(Samples.Of(device, number));
        }

        foreach (var device in devices.Concat(devices))
        {
            Assert.Equal(device, (await replica.ReadAsync(device))?.DeviceId);
        }

        Assert.Equal(devices.Length, _table.Asked);
    }

    [Fact]
    public async Task A_device_without_a_sample_is_asked_for_again()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await WorkingAsync(redis);

        Assert.Null(await replica.ReadAsync(Device));
        _table.Commit(Samples.Of(Device, 1)); // Before its invalidation: what was not there must not have been remembered.

        Assert.NotNull(await replica.ReadAsync(Device));
    }

    [Fact]
    public async Task What_one_replica_stores_every_replica_reads()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var one = await WorkingAsync(redis);
        await using var other = await WorkingAsync(redis);
        await one.WorksAsync(); // The other's start has disowned every value; that is no failure of this one.

        for (var number = 1; number <= 3; number++)
        {
            await one.StoreAsync(Samples.Of(Device, number));
            Assert.Equal(number, (await other.ReadAsync(Device))?.PvPowerW);
            Assert.Equal(number, (await one.ReadAsync(Device))?.PvPowerW);
        }

        Assert.Equal(3, _table.Asked);
    }

    [Fact]
    public async Task A_reader_that_a_commit_overtook_does_not_fill()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await WorkingAsync(redis);
        await replica.StoreAsync(Samples.Of(Device, 1));

        var late = await HeldReaderAsync(replica);
        await replica.StoreAsync(Samples.Of(Device, 2));
        Assert.Equal(1, (await late())?.PvPowerW);

        Assert.Equal(2, (await replica.ReadAsync(Device))?.PvPowerW);
    }

    [Fact]
    public async Task A_reader_that_a_commit_and_another_reader_overtook_does_not_fill()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await WorkingAsync(redis);
        await replica.StoreAsync(Samples.Of(Device, 1));

        var late = await HeldReaderAsync(replica);
        await replica.StoreAsync(Samples.Of(Device, 2));
        Assert.Equal(2, (await replica.ReadAsync(Device))?.PvPowerW);
        await late();

        Assert.Equal(2, (await replica.ReadAsync(Device))?.PvPowerW);
    }

    [Fact]
    public async Task A_reader_that_a_flush_overtook_does_not_fill()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await WorkingAsync(redis);
        await using var console = RedisConsole.Open(redis);
        await replica.StoreAsync(Samples.Of(Device, 1));

        var late = await HeldReaderAsync(replica);
        _table.Commit(Samples.Of(Device, 2));
        await console.FlushAsync();
        await late();

        Assert.Equal(2, (await replica.ReadAsync(Device))?.PvPowerW);
    }

    [Fact]
    public async Task A_flushed_Redis_is_filled_again()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await WorkingAsync(redis);
        await using var console = RedisConsole.Open(redis);
        await replica.StoreAsync(Samples.Of(Device, 1));
        await replica.ReadAsync(Device);

        await console.FlushAsync();
        await replica.ReadAsync(Device);
        await replica.ReadAsync(Device);

        Assert.Equal(2, _table.Asked);
        Assert.Equal("up", replica.Cache.State);
    }

    [Fact]
    public async Task Forgotten_scripts_cost_at_most_a_moment_without_cache()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await WorkingAsync(redis);
        await using var console = RedisConsole.Open(redis);
        await replica.StoreAsync(Samples.Of(Device, 1));
        await replica.ReadAsync(Device);

        await console.ForgetScriptsAsync();
        await replica.StoreAsync(Samples.Of(Device, 2));
        Assert.Equal(2, (await replica.ReadAsync(Device))?.PvPowerW);

        await replica.WorksAsync();
        Assert.Equal(2, (await replica.ReadAsync(Device))?.PvPowerW);
    }

    public static TheoryData<string, string> ForeignKeys()
    {
        TheoryData<string, string> cases = [];
        foreach (var key in new[] { $"realtime:{Device}", $"realtime:{Device}:lease", "realtime::generation" })
        {
            foreach (var content in new[] { "text", "json", "huge", "list", "hash" })
            {
                cases.Add(key, content);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(ForeignKeys))]
    public async Task A_foreign_key_in_the_place_of_ours_is_overwritten(string key, string content)
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await WorkingAsync(redis);
        await using var console = RedisConsole.Open(redis);
        await console.FlushAsync();
        await (content switch
        {
            "text" => console.SetAsync(key, "garbage"),
            "json" => console.SetAsync(key, """{"device_id":"inverter-1","pv_power_w":99}"""),
            "huge" => console.SetAsync(key, new string('x', 20_000_000)),
            "list" => console.MakeListAsync(key),
            _ => console.MakeHashAsync(key),
        });
        _table.Commit(Samples.Of(Device, 1));

        Assert.Equal(1, (await replica.ReadAsync(Device))?.PvPowerW);
        Assert.Equal(1, (await replica.ReadAsync(Device))?.PvPowerW);
        Assert.Equal(1, _table.Asked);

        await replica.StoreAsync(Samples.Of(Device, 2));
        Assert.Equal(2, (await replica.ReadAsync(Device))?.PvPowerW);
        Assert.Equal("up", replica.Cache.State);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"device_id":"inverter-2","ts":"2026-06-21T12:00:00Z","sample_count":1,"interval_s":10}""")]
    public async Task A_value_that_another_version_wrote_is_not_answered(string value)
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await WorkingAsync(redis);
        await using var console = RedisConsole.Open(redis);
        await console.SetAsync($"realtime:{Device}", await console.GetAsync("realtime::generation") + value);
        _table.Commit(Samples.Of(Device, 1));

        Assert.Equal(Samples.Of(Device, 1), await replica.ReadAsync(Device));
    }

    [Fact]
    public async Task A_device_that_nobody_reads_has_nothing_in_Redis()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await WorkingAsync(redis);
        await using var console = RedisConsole.Open(redis);
        await replica.StoreAsync(Samples.Of(Device, 1));

        Assert.Null(await console.GetAsync($"realtime:{Device}"));
        Assert.Null(await console.GetAsync($"realtime:{Device}:lease"));
    }

    [Fact]
    public async Task Nothing_but_the_generation_stays_in_Redis()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await WorkingAsync(redis);
        await using var console = RedisConsole.Open(redis);
        await replica.StoreAsync(Samples.Of(Device, 1));
        await replica.ReadAsync(Device);

        Assert.InRange((await console.LifeOfAsync($"realtime:{Device}"))!.Value, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        Assert.InRange((await console.LifeOfAsync($"realtime:{Device}:lease"))!.Value, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    private async Task<Replica> WorkingAsync(RedisServer redis)
    {
        // Nothing here waits for the time-out, and a slow machine must not look like a Redis that fails.
        var replica = await Replica.StartAsync(redis.Url, _table, timeout: TimeSpan.FromSeconds(10));
        await replica.WorksAsync();
        return replica;
    }

    /// <summary>A reader that has looked into the database and has not come back; the result lets it go and awaits its answer.</summary>
    private async Task<Func<Task<StoredSample?>>> HeldReaderAsync(Replica replica)
    {
        TaskCompletionSource looked = new(), go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _table.Answering = () =>
        {
            _table.Answering = () => Task.CompletedTask;
            looked.SetResult();
            return go.Task;
        };
        var reading = replica.ReadAsync(Device).AsTask();
        await looked.Task;
        return async () =>
        {
            go.SetResult();
            return await reading;
        };
    }
}
