using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using StackExchange.Redis;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Realtime;

/// <summary>The newest sample of each device, in Redis for all replicas. A reader that starts after <see cref="InvalidateAsync"/> has
/// returned never sees an older sample than the one committed before it; the room's README says what holds where a replica cannot reach
/// Redis.</summary>
internal sealed class RealtimeCache : IDisposable
{
    // Bounds how old a value can be where an invalidation cannot reach Redis at all.
    private static readonly TimeSpan ValueLife = TimeSpan.FromSeconds(30);

    // A reader has this long to ask the database. It also bounds how late a fill that a frozen Redis held back can still take effect.
    private static readonly TimeSpan LeaseLife = TimeSpan.FromSeconds(10);

    private const int DevicesPerCall = 500;

    // A device id holds no colon and is not empty, so no device has this key.
    private static readonly RedisKey Generation = "realtime::generation";

    private readonly RedisCircuit? _circuit;
    private readonly SharedReads<Look?> _looks;

    private RealtimeCache(RedisCircuit? circuit)
    {
        _circuit = circuit;
        _looks = new(LookAsync);
    }

    /// <summary>For <c>/readyz</c>: <c>off</c>, <c>up</c> or <c>degraded</c>.</summary>
    public string State => _circuit switch
    {
        null => "off",
        { Believed: true } => "up",
        _ => "degraded",
    };

    /// <summary>Whether Redis can tell of changes.</summary>
    public bool IsBelieved => _circuit is { Believed: true };

    /// <summary>Connects, and waits for that at most a second: a Redis that is away is no reason not to start.</summary>
    public static RealtimeCache Open(RealtimeOptions options, TimeProvider time, ILogger log)
    {
        if (options.RedisUrl.Length == 0)
        {
            return new RealtimeCache(circuit: null);
        }

        if (!RedisUrl.TryParse(options.RedisUrl, out var redis, out var what))
        {
            throw new InvalidOperationException($"The Redis URL is {what}.");
        }

        // Synchronously: the continuation of an awaited connect runs on the thread that reads the socket, and the host would start on it.
        return new RealtimeCache(new RedisCircuit(ConnectionMultiplexer.Connect(redis), options.RedisTimeout, time, log));
    }

    /// <param name="find">Asks the database.</param>
    public async ValueTask<StoredSample?> ReadAsync(
        string deviceId, Func<string, CancellationToken, Task<StoredSample?>> find, CancellationToken cancellationToken)
    {
        // Without the token: a look ends by its own time-out.
        if (_circuit is not { Believed: true } || await _looks.ReadAsync(deviceId) is not { } look)
        {
            return await find(deviceId, cancellationToken);
        }

        if (look.Lease is not [var generation, var nonce])
        {
            return look.Value ?? await find(deviceId, cancellationToken);
        }

        // After the lease and never before: a commit since then changes the nonce, and the fill is refused.
        var sample = await find(deviceId, cancellationToken);
        if (sample is not null)
        {
            var value = JsonSerializer.SerializeToUtf8Bytes(sample, RealtimeJson.Default.StoredSample);
            await _circuit.TryAsync(
                RealtimeScripts.Fill, [Value(deviceId)], [generation, nonce, value, Milliseconds(ValueLife)]);
        }

        return sample;
    }

    /// <summary>Called by ingest after a commit and before its answers, with every device in it. Never throws, and takes no longer than
    /// <see cref="RealtimeOptions.RedisTimeout"/>. It takes no token: the samples are stored, whether or not anybody still
    /// waits.</summary>
    public async ValueTask InvalidateAsync(IReadOnlyCollection<string> deviceIds)
    {
        if (_circuit is not { } circuit)
        {
            return;
        }

        if (deviceIds.Count <= DevicesPerCall)
        {
            await InvalidateSomeAsync(circuit, deviceIds);
            return;
        }

        // All at once: one time-out bounds them, and Redis does nothing else while a script runs.
        await Task.WhenAll(deviceIds.Chunk(DevicesPerCall).Select(some => InvalidateSomeAsync(circuit, some)));
    }

    /// <summary>From now on <paramref name="told"/> is called after each commit with samples of the device; it must not block.</summary>
    /// <returns>False when Redis did not take it in time.</returns>
    public Task<bool> TrySubscribeAsync(string deviceId, Action<RedisChannel, RedisValue> told) =>
        _circuit is null ? Task.FromResult(false) : _circuit.TrySubscribeAsync((string)Value(deviceId), told);

    public Task UnsubscribeAsync(string deviceId, Action<RedisChannel, RedisValue> told) =>
        _circuit is null ? Task.CompletedTask : _circuit.TryUnsubscribeAsync((string)Value(deviceId), told);

    /// <summary>Returns true when there is something to recover from; false where there is no Redis that could fail.</summary>
    public async Task<bool> FailedAsync(CancellationToken cancellationToken)
    {
        if (_circuit is null)
        {
            return false;
        }

        await _circuit.OpenedAsync(cancellationToken);
        return true;
    }

    /// <summary>Disowns every value in Redis, and believes it again if that worked.</summary>
    public async Task<bool> TryRecoverAsync(CancellationToken cancellationToken) =>
        _circuit is null || await _circuit.TryRecoverAsync(RealtimeScripts.NewGeneration, [Generation], [Unique()], cancellationToken);

    public void Dispose() => _circuit?.Dispose();

    // Null: Redis did not answer.
    private async Task<Look?> LookAsync(string deviceId)
    {
        if (await _circuit!.TryAsync(
            RealtimeScripts.Read, [Value(deviceId), Generation], [Unique(), Milliseconds(LeaseLife)]) is not { } answer)
        {
            return null;
        }

        var parts = (RedisValue[])answer;
        return parts.Length == 1 ? new(Parse(parts[0], deviceId), Lease: null) : new(Value: null, parts);
    }

    private static async Task InvalidateSomeAsync(RedisCircuit circuit, IReadOnlyCollection<string> deviceIds) =>
        await circuit.TryAsync(RealtimeScripts.Invalidate, [.. deviceIds.Select(Value)], [Unique(), Milliseconds(LeaseLife)]);

    private static RedisKey Value(string deviceId) => $"realtime:{deviceId}";

    // Never the same twice, also after Redis has lost everything: no old lease can fit by accident.
    private static RedisValue Unique() => RandomNumberGenerator.GetHexString(32);

    private static RedisValue Milliseconds(TimeSpan time) => (long)time.TotalMilliseconds;

    private static StoredSample? Parse(byte[] value, string deviceId)
    {
        try
        {
            var sample = JsonSerializer.Deserialize(value, RealtimeJson.Default.StoredSample);
            return sample?.DeviceId == deviceId ? sample : null;
        }
        catch (JsonException)
        {
            return null; // Another version's value, during an update: the database answers until it expires.
        }
    }

    /// <summary>What Redis said.</summary>
    /// <param name="Value">Null: none, or none of ours.</param>
    /// <param name="Lease">Where there is none, the generation and the nonce to fill it with.</param>
    private sealed record Look(StoredSample? Value, RedisValue[]? Lease);
}

/// <summary>Tries once a second to get Redis back, for as long as it is away. At shutdown nothing is left to do: the next start begins with
/// a new generation too, and so makes up for what this process could not invalidate.</summary>
internal sealed class RealtimeRecovery(RealtimeCache cache, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (await cache.FailedAsync(stoppingToken))
        {
            while (!await cache.TryRecoverAsync(stoppingToken))
            {
                await Task.Delay(Pause, time, stoppingToken);
            }
        }
    }
}

/// <summary>The answer, and the cached value, which nobody but this server reads.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    RespectRequiredConstructorParameters = true,
    Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(StoredSample))]
[JsonSerializable(typeof(RealtimeAnswer))]
internal sealed partial class RealtimeJson : JsonSerializerContext;
