using System.Diagnostics;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Vps.Tests.Realtime;

public class RedisOutageTests
{
    private const string Device = "inverter-1";

    // Where nothing is frozen a slow machine must not look like it.
    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(10);

    private readonly Table _table = new();

    [Fact]
    public async Task Without_a_Redis_every_read_asks_the_database()
    {
        await using var replica = await Replica.StartAsync("", _table);

        for (var number = 1; number <= 3; number++)
        {
            await replica.StoreAsync(Samples.Of(Device, number));
            Assert.Equal(number, (await replica.ReadAsync(Device))?.PvPowerW);
        }

        Assert.Equal("off", replica.Cache.State);
    }

    [Fact]
    public async Task A_Redis_that_is_away_at_the_start_is_used_once_it_is_there()
    {
        await using var redis = await RedisServer.StartAsync();
        await redis.KillAsync();
        await using var replica = await Replica.StartAsync(redis.Url, _table);
        await replica.StoreAsync(Samples.Of(Device, 1));
        Assert.Equal(1, (await replica.ReadAsync(Device))?.PvPowerW);
        Assert.Equal("degraded", replica.Cache.State);

        await redis.RestartAsync();
        await replica.WorksAsync();

        await AssertCachesAsync(replica, 1);
    }

    [Fact]
    public async Task A_Redis_that_is_frozen_at_the_start_is_used_once_it_thaws()
    {
        await using var redis = await RedisServer.StartAsync();
        await redis.FreezeAsync();
        await using var replica = await Replica.StartAsync(redis.Url, _table);
        await replica.StoreAsync(Samples.Of(Device, 1));
        Assert.Equal(1, (await replica.ReadAsync(Device))?.PvPowerW);
        Assert.Equal("degraded", replica.Cache.State);

        redis.Thaw();
        await replica.WorksAsync();

        await AssertCachesAsync(replica, 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task While_Redis_is_away_or_frozen_reads_come_from_the_database_and_afterwards_nothing_is_stale(bool frozen)
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await Replica.StartAsync(redis.Url, _table);
        await replica.WorksAsync();
        await replica.StoreAsync(Samples.Of(Device, 1));
        await replica.ReadAsync(Device);

        await (frozen ? redis.FreezeAsync() : redis.KillAsync());
        for (var number = 2; number <= 10; number++)
        {
            await replica.StoreAsync(Samples.Of(Device, number));
            Assert.Equal(number, (await replica.ReadAsync(Device))?.PvPowerW);
        }

        await replica.FailsAsync();
        if (frozen)
        {
            redis.Thaw(); // With the value of before the outage still in it.
        }
        else
        {
            await redis.RestartAsync();
        }

        await Until.TrueAsync(async () =>
        {
            Assert.Equal(10, (await replica.ReadAsync(Device))?.PvPowerW);
            return replica.Cache.State == "up";
        });
        await AssertCachesAsync(replica, 10);
    }

    [Fact]
    public async Task A_frozen_Redis_delays_the_first_ingest_and_none_after_it()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await Replica.StartAsync(redis.Url, _table);
        await replica.WorksAsync();
        await redis.FreezeAsync();

        var first = await TimeAsync(() => replica.StoreAsync(Samples.Of(Device, 1)));
        var nextHundred = await TimeAsync(async () =>
        {
            for (var number = 2; number <= 101; number++)
            {
                await replica.StoreAsync(Samples.Of(Device, number));
            }
        });

        Assert.True(nextHundred < first, $"A hundred took {nextHundred}, the first one {first}.");
    }

    [Fact]
    public async Task A_fill_that_a_frozen_Redis_held_back_is_not_believed_after_it_thaws()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await Replica.StartAsync(redis.Url, _table);
        await replica.WorksAsync();
        _table.Commit(Samples.Of(Device, 1));
        _table.Answering = () => redis.FreezeAsync(); // Between the lease and the fill.

        Assert.Equal(1, (await replica.ReadAsync(Device))?.PvPowerW);
        _table.Answering = () => Task.CompletedTask;
        await replica.FailsAsync();
        await replica.StoreAsync(Samples.Of(Device, 2)); // Refused by the open circuit, so nothing but the fill is on its way.
        redis.Thaw();

        await Until.TrueAsync(async () =>
        {
            Assert.Equal(2, (await replica.ReadAsync(Device))?.PvPowerW);
            return replica.Cache.State == "up";
        });
        await AssertCachesAsync(replica, 2);
    }

    [Fact]
    public async Task What_a_restarted_Redis_had_saved_is_not_believed()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await Replica.StartAsync(redis.Url, _table, recovers: false, timeout: Patient);
        Assert.True(await replica.Cache.TryRecoverAsync(default));
        await replica.StoreAsync(Samples.Of(Device, 1));
        await replica.ReadAsync(Device);
        string[] keys = [$"realtime:{Device}", $"realtime:{Device}:lease", "realtime::generation"];
        List<string?> saved = [];
        await using (var console = RedisConsole.Open(redis))
        {
            foreach (var key in keys)
            {
                saved.Add(await console.GetAsync(key));
            }
        }

        await replica.StoreAsync(Samples.Of(Device, 2));
        await redis.RestartAsync();
        await replica.FailsAsync(); // Nobody called meanwhile: the lost connection alone is reason enough.
        await using (var console = RedisConsole.Open(redis))
        {
            foreach (var (key, value) in keys.Zip(saved))
            {
                await console.SetAsync(key, value!);
            }
        }

        await Until.TrueAsync(() => replica.Cache.TryRecoverAsync(default));

        await AssertCachesAsync(replica, 2);
    }

    [Fact]
    public async Task What_a_replica_could_not_invalidate_every_replica_disowns_when_it_has_Redis_back()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var cutOff = await Replica.StartAsync(redis.Url, _table, recovers: false, timeout: Patient);
        await using var other = await Replica.StartAsync(redis.Url, _table, timeout: Patient);
        await other.WorksAsync();
        await other.StoreAsync(Samples.Of(Device, 1));
        await other.ReadAsync(Device);

        // It never had Redis, so its circuit is open.
        await cutOff.StoreAsync(Samples.Of(Device, 2));
        Assert.Equal(2, (await cutOff.ReadAsync(Device))?.PvPowerW);
        Assert.Equal(1, (await other.ReadAsync(Device))?.PvPowerW); // For as long as the value lives, at most: nobody could tell it.

        Assert.True(await cutOff.Cache.TryRecoverAsync(default));

        Assert.Equal(2, (await other.ReadAsync(Device))?.PvPowerW);
        Assert.Equal(2, (await cutOff.ReadAsync(Device))?.PvPowerW);
    }

    [Fact]
    public async Task A_Redis_that_comes_and_goes_never_brings_a_stale_value()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var replica = await Replica.StartAsync(redis.Url, _table);
        await replica.WorksAsync();
        using CancellationTokenSource enough = new();
        var number = 0;
        var storing = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                await replica.StoreAsync(Samples.Of(Device, number + 1));
                Volatile.Write(ref number, number + 1);
                await Task.Yield();
            }
        });
        var readers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                var floor = Volatile.Read(ref number);
                var read = (await replica.ReadAsync(Device))?.PvPowerW ?? 0;
                Assert.True(read >= floor, $"read {read} after {floor} was stored");
            }
        })).ToArray();

        for (var round = 0; round < 3; round++)
        {
            await redis.FreezeAsync();
            await replica.FailsAsync();
            redis.Thaw();
            await replica.WorksAsync();
            await redis.RestartAsync();
            await replica.FailsAsync();
            await replica.WorksAsync();
        }

        await enough.CancelAsync();
        await Task.WhenAll(readers);
        await storing;
        Assert.True(number > 0);
    }

    private static async Task<TimeSpan> TimeAsync(Func<Task> action)
    {
        var started = Stopwatch.GetTimestamp();
        await action();
        return Stopwatch.GetElapsedTime(started);
    }

    // In the end: on a slow machine the circuit may open for a moment.
    private Task AssertCachesAsync(Replica replica, int number) =>
        Until.TrueAsync(async () =>
        {
            Assert.Equal(number, (await replica.ReadAsync(Device))?.PvPowerW);
            var asked = _table.Asked;
            Assert.Equal(number, (await replica.ReadAsync(Device))?.PvPowerW);
            return asked == _table.Asked;
        });
}
