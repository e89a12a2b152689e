using System.Threading.Channels;
using Polly;
using Polly.CircuitBreaker;
using Polly.Timeout;
using StackExchange.Redis;

namespace Sungrow.Vps.Realtime;

/// <summary>Every await on Redis goes through here: the client's own calls have no time-out, and a frozen server would hold them for ever.
/// One failure opens the circuit. (Polly's own rule, a share of failures in a window, would after a minute of successes let hundreds of
/// ingests wait for the time-out first.) Only <see cref="TryRecoverAsync"/> closes it.
/// Invariants: while calls are refused, nothing in Redis is believed. It is believed again only after a new generation was set, and that
/// only after calls were let through again: whatever invalidation failed or was refused is made up for by that generation.</summary>
internal sealed class RedisCircuit : IDisposable
{
    private readonly ConnectionMultiplexer _redis;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly CircuitBreakerManualControl _control = new(isIsolated: true);
    private readonly CircuitBreakerStateProvider _state = new();
    private readonly ResiliencePipeline _guarded;
    private readonly ResiliencePipeline _timed;

    // Opening and closing are two steps each; nobody may act between them.
    private readonly SemaphoreSlim _transition = new(1);
    private readonly Channel<bool> _opened =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Lock _announcing = new();
    private volatile bool _believed;
    private long _failures;
    private bool? _announced;

    public RedisCircuit(ConnectionMultiplexer redis, TimeSpan timeout, TimeProvider time, ILogger log)
    {
        _redis = redis;
        _timeout = timeout;
        _time = time;
        _log = log;
        _guarded = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions
            {
                ManualControl = _control,
                StateProvider = _state,
                ShouldHandle = static _ => PredicateResult.False(),
            })
            .AddTimeout(timeout)
            .Build();
        _timed = new ResiliencePipelineBuilder { TimeProvider = time }.AddTimeout(timeout).Build();
        _opened.Writer.TryWrite(true);

        // Also when nobody called meanwhile: the server may come back with what it had saved some time ago.
        redis.ConnectionFailed += (_, lost) => _ = OpenAsync(lost.Exception is { } failure ? Describe(failure) : $"{lost.FailureType}");
    }

    /// <summary>Whether what Redis holds may be answered.</summary>
    public bool Believed => _believed;

    /// <summary>Returns when the circuit has been opened since the last return; at once the first time, as it begins open.</summary>
    public async Task OpenedAsync(CancellationToken cancellationToken) => await _opened.Reader.ReadAsync(cancellationToken);

    /// <summary>Never throws, and never takes longer than the time-out.</summary>
    /// <returns>Null when the circuit is open, or is now because this call failed.</returns>
    public async ValueTask<RedisResult?> TryAsync(string script, RedisKey[] keys, RedisValue[] values)
    {
        if (_state.CircuitState != CircuitState.Closed)
        {
            return null;
        }

        try
        {
            return await CallAsync(_guarded, script, keys, values);
        }
        catch (BrokenCircuitException)
        {
            return null; // Opened since the look above.
        }
        catch (Exception failure)
        {
            // Whatever it is, a cache must not fail the ingest that has committed: it is logged, and the database answers from here on.
            await OpenAsync(Describe(failure));
            return null;
        }
    }

    /// <summary>Closes the circuit if Redis answers.</summary>
    /// <param name="newGeneration">Makes every value that Redis holds unbelievable. Run twice: once to see whether Redis answers, and again
    /// after calls are let through, because until then invalidations were still being refused.</param>
    public async Task<bool> TryRecoverAsync(string newGeneration, RedisKey[] keys, RedisValue[] values, CancellationToken cancellationToken)
    {
        if (_believed)
        {
            return true; // Signalled by a call that failed before the last recovery.
        }

        try
        {
            await CallAsync(_timed, newGeneration, keys, values);
        }
        catch (Exception failure)
        {
            Announce(working: false, Describe(failure));
            return false;
        }

        await _transition.WaitAsync(cancellationToken);
        long failures;
        try
        {
            await _control.CloseAsync(cancellationToken);
            failures = _failures;
        }
        finally
        {
            _transition.Release();
        }

        if (await TryAsync(newGeneration, keys, values) is null)
        {
            return false;
        }

        await _transition.WaitAsync(cancellationToken);
        try
        {
            if (_failures != failures)
            {
                return false; // A call sent earlier has failed meanwhile, perhaps an invalidation after the new generation.
            }

            _believed = true;
        }
        finally
        {
            _transition.Release();
        }

        Announce(working: true);
        return true;
    }

    /// <summary>Never throws, and takes no longer than twice the time-out. A failure opens nothing: messages come on a connection of their
    /// own, and nothing is believed for them.</summary>
    public async Task<bool> TrySubscribeAsync(string channel, Action<RedisChannel, RedisValue> told) =>
        // Off first, or it would be told twice.
        await TryUnsubscribeAsync(channel, told) && await TryAsync(_redis.GetSubscriber().SubscribeAsync(channel, told));

    public Task<bool> TryUnsubscribeAsync(string channel, Action<RedisChannel, RedisValue> told) =>
        TryAsync(_redis.GetSubscriber().UnsubscribeAsync(channel, told));

    public void Dispose() => _redis.Dispose();

    private async Task<bool> TryAsync(Task call)
    {
        try
        {
            await call.ContinueWith(static done => done, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default)
                .Unwrap().WaitAsync(_timeout, _time);
            return true;
        }
        catch (Exception failure) when (failure is TimeoutException or RedisException or ObjectDisposedException)
        {
            return false; // Tried again with the feed's next look.
        }
    }

    private async Task OpenAsync(string reason)
    {
        await _transition.WaitAsync();
        try
        {
            _failures++;
            _believed = false;
            await _control.IsolateAsync();
        }
        finally
        {
            _transition.Release();
        }

        Announce(working: false, reason);
        _opened.Writer.TryWrite(true);
    }

    private async Task<RedisResult> CallAsync(ResiliencePipeline pipeline, string script, RedisKey[] keys, RedisValue[] values) =>
        await pipeline.ExecuteAsync(
            static async (call, timeout) =>
                await OffTheReader(call.Redis.GetDatabase().ScriptEvaluateAsync(call.Script, call.Keys, call.Values)).WaitAsync(timeout),
            (Redis: _redis, Script: script, Keys: keys, Values: values),
            CancellationToken.None);

    // The client completes its tasks on the thread that reads the socket: what follows an await must not run there.
    private static Task<RedisResult> OffTheReader(Task<RedisResult> call) =>
        call.ContinueWith(static done => done, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).Unwrap();

    // Of the client's messages the beginning is for people; the rest counts its queues.
    private string Describe(Exception failure)
    {
        if (failure is TimeoutRejectedException)
        {
            return $"no answer within {_timeout.TotalMilliseconds:F0} ms";
        }

        var message = failure.GetBaseException().Message.ReplaceLineEndings(" ");
        return message.IndexOf(',', StringComparison.Ordinal) is > 0 and var comma ? message[..comma] : message;
    }

    private void Announce(bool working, string reason = "")
    {
        lock (_announcing)
        {
            if (_announced == working)
            {
                return;
            }

            _announced = working;
        }

        if (working)
        {
            _log.RealtimeCacheWorks();
        }
        else
        {
            _log.RealtimeCacheFails(reason);
        }
    }
}
