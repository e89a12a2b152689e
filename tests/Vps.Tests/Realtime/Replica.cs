using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Sungrow.TestServers;
using Sungrow.Vps.Realtime;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Realtime;

/// <summary>The cache as one server process has it, over a table that the test commits to.</summary>
internal sealed class Replica : IAsyncDisposable
{
    private readonly Table _table;
    private readonly RealtimeRecovery? _recovery;

    private Replica(RealtimeCache cache, Table table, RealtimeRecovery? recovery)
    {
        Cache = cache;
        _table = table;
        _recovery = recovery;
    }

    public RealtimeCache Cache { get; }

    /// <param name="recovers">False: only where the test says so, with <see cref="RealtimeCache.TryRecoverAsync"/>.</param>
    public static async Task<Replica> StartAsync(string url, Table table, bool recovers = true, TimeSpan? timeout = null)
    {
        RealtimeOptions options = new() { RedisUrl = url };
        options.RedisTimeout = timeout ?? options.RedisTimeout;
        var cache = RealtimeCache.Open(options, TimeProvider.System, NullLogger.Instance);
        var recovery = recovers ? new RealtimeRecovery(cache, TimeProvider.System) : null;
        if (recovery is not null)
        {
            await recovery.StartAsync(TestContext.Current.CancellationToken);
        }

        return new Replica(cache, table, recovery);
    }

    public Task WorksAsync() => Until.TrueAsync(() => Cache.State == "up", cancellationToken: TestContext.Current.CancellationToken);

    public Task FailsAsync() => Until.TrueAsync(() => Cache.State == "degraded", cancellationToken: TestContext.Current.CancellationToken);

    public ValueTask<StoredSample?> ReadAsync(string deviceId) =>
        Cache.ReadAsync(deviceId, _table.FindAsync, TestContext.Current.CancellationToken);

    /// <summary>What ingest does.</summary>
    public async Task StoreAsync(StoredSample sample)
    {
        _table.Commit(sample);
        await Cache.InvalidateAsync([sample.DeviceId]);
    }

    public async ValueTask DisposeAsync()
    {
        if (_recovery is not null)
        {
            await _recovery.StopAsync(CancellationToken.None);
            _recovery.Dispose();
        }

        Cache.Dispose();
    }
}

/// <summary>Stands for the database where a test must decide when it answers, and count how often it was asked.</summary>
internal sealed class Table
{
    private readonly ConcurrentDictionary<string, StoredSample> _newest = new();
    private int _asked;

    /// <summary>Awaited after the look-up and before the answer.</summary>
    public Func<Task> Answering { get; set; } = () => Task.CompletedTask;

    public int Asked => _asked;

    public void Commit(StoredSample sample) => _newest[sample.DeviceId] = sample;

    public async Task<StoredSample?> FindAsync(string deviceId, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _asked);
        var found = _newest.GetValueOrDefault(deviceId);
        await Answering();
        return found;
    }
}

internal static class Samples
{
    public static readonly DateTimeOffset Noon = new(2026, 6, 21, 12, 0, 0, TimeSpan.Zero);

    /// <summary>The <paramref name="number"/>-th sample of a day: its number is its PV power, and its seconds after noon.</summary>
    public static StoredSample Of(string deviceId, int number) =>
        new(deviceId, Noon.AddSeconds(number), number, 12.3, -1500, 55.5, null, 800.25, -0.1, 1, 10);
}
