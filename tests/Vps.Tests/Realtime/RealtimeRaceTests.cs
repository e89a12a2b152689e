using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Sungrow.Vps.Realtime;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Realtime;

/// <summary>A plain cache (delete after the commit, set after a read) serves hundreds of stale values here.</summary>
public sealed class RealtimeRaceTests(Databases databases)
{
    private const int Readers = 16;
    private const string Device = "inverter-1";

    private static readonly TimeSpan Long = TimeSpan.FromSeconds(3);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Whoever_starts_to_read_after_a_200_never_sees_an_older_sample(int replicas)
    {
        await using var redis = await RedisServer.StartAsync();
        var database = await databases.CreateAsync();
        List<VpsServer> servers = [];
        for (var i = 0; i < replicas; i++)
        {
            // Patient: on a slow machine a time-out would open the circuit, and nothing would race.
            servers.Add(await RealtimeRequests.StartAsync(database, redis.Url, "--Realtime:RedisTimeout=00:00:10"));
            await servers[i].RedisIsAsync("up");
        }

        var first = Rfc3339.Truncate(TimeProvider.System.GetUtcNow() - TimeSpan.FromHours(1));
        var answered = 0;
        var reads = 0L;
        var asked = 0L;
        var stale = 0L;
        var started = Stopwatch.GetTimestamp();
        var readers = Enumerable.Range(0, Readers)
            .Select(reader => Task.Run(() => ReadAsync(servers[reader % replicas].Services)))
            .ToArray();
        while (IsOn())
        {
            var next = answered + 1;
            await servers[0].StoreAsync(first.AddMilliseconds(next), 1);
            Volatile.Write(ref answered, next);
        }

        await Task.WhenAll(readers);
        foreach (var server in servers)
        {
            await server.DisposeAsync();
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{answered} stored, {reads} read, {asked} from the database, {stale} stale");
        Assert.Equal(0, stale);
        Assert.InRange(answered, 10, int.MaxValue);
        Assert.InRange(reads, Readers, long.MaxValue);
        Assert.True(asked < reads, $"The cache was not used: {reads} reads, {asked} from the database.");

        bool IsOn() => Stopwatch.GetElapsedTime(started) < Long;

        async Task ReadAsync(IServiceProvider services)
        {
            var cache = services.GetRequiredService<RealtimeCache>();
            var samples = services.GetRequiredService<NewestSamples>();
            while (IsOn())
            {
                var floor = Volatile.Read(ref answered);
                var read = await cache.ReadAsync(Device, FindAsync, CancellationToken.None);
                Interlocked.Increment(ref reads);
                if (floor > 0 && (read is null || read.Ts < first.AddMilliseconds(floor)))
                {
                    Interlocked.Increment(ref stale);
                }
            }

            Task<StoredSample?> FindAsync(string deviceId, CancellationToken cancellationToken)
            {
                Interlocked.Increment(ref asked);
                return samples.FindAsync(deviceId, cancellationToken);
            }
        }
    }
}
