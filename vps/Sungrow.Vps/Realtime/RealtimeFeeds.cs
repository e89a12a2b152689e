using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Npgsql;
using StackExchange.Redis;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Realtime;

/// <summary>What a listener is sent.</summary>
/// <param name="Sample">Null: a comment, which says that the connection lives.</param>
/// <param name="Bytes">The event as it travels; one array for all listeners.</param>
internal sealed record StreamEvent(StoredSample? Sample, byte[] Bytes)
{
    public static readonly StreamEvent Comment = new(null, ":\n\n"u8.ToArray());

    public static StreamEvent Of(StoredSample sample, DateTimeOffset now)
    {
        var json = JsonSerializer.Serialize(RealtimeAnswer.Of(sample, now), RealtimeJson.Default.RealtimeAnswer);
        return new(sample, Encoding.UTF8.GetBytes($"event: sample\nid: {Rfc3339.Write(sample.Ts)}\ndata: {json}\n\n"));
    }
}

/// <summary>The live events of this process: a feed for each device that somebody listens to, however many do.</summary>
internal sealed class RealtimeFeeds(RealtimeCache cache, NewestSamples samples, Database database, TimeProvider time)
{
    /// <summary>Of one process; each is a connection and some kilobytes.</summary>
    public const int MostListeners = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, RealtimeFeed> _feeds = new(StringComparer.Ordinal);
    private int _listeners;

    /// <summary>Feeds that run.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _feeds.Count;
            }
        }
    }

    /// <returns>Null when there are as many as may be. To be left again.</returns>
    public Channel<StreamEvent>? Join(string deviceId)
    {
        lock (_lock)
        {
            if (_listeners == MostListeners)
            {
                return null;
            }

            if (!_feeds.TryGetValue(deviceId, out var feed))
            {
                _feeds.Add(deviceId, feed = new RealtimeFeed(deviceId, cache, samples, database, time));
                feed.Start();
            }

            _listeners++;
            return feed.Join();
        }
    }

    public void Leave(string deviceId, Channel<StreamEvent> listener)
    {
        lock (_lock)
        {
            _listeners--;
            var feed = _feeds[deviceId];
            if (feed.Leave(listener) == 0)
            {
                _feeds.Remove(deviceId);
                feed.Dispose();
            }
        }
    }
}

/// <summary>One device's: told by Redis that a sample has been committed, by whichever replica, it reads the newest one once and hands it
/// to every listener. A message can be lost, so it also looks with each comment; without Redis it looks every two seconds. Listeners never
/// hold it up: one that is slow gets the newest and not all. Invariant: each listener gets the newest sample, or it is in its channel. When
/// the last one has left, nothing runs.</summary>
internal sealed class RealtimeFeed : IDisposable
{
    private static readonly TimeSpan BetweenComments = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan BetweenPolls = TimeSpan.FromSeconds(2);

    private readonly string _deviceId;
    private readonly RealtimeCache _cache;
    private readonly NewestSamples _samples;
    private readonly Database _database;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly List<Channel<StreamEvent>> _listeners = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _stopped;
    private readonly Action<RedisChannel, RedisValue> _told;
    private readonly Channel<bool> _changed =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private StoredSample? _newest;

    public RealtimeFeed(string deviceId, RealtimeCache cache, NewestSamples samples, Database database, TimeProvider time)
    {
        (_deviceId, _cache, _samples, _database, _time) = (deviceId, cache, samples, database, time);
        _stopped = _stop.Token;
        _told = (_, _) => _changed.Writer.TryWrite(true);
    }

    public void Start() => _ = Task.Run(RunAsync);

    public Channel<StreamEvent> Join()
    {
        var listener = Channel.CreateBounded<StreamEvent>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        lock (_lock)
        {
            _listeners.Add(listener);
        }

        return listener;
    }

    /// <returns>How many are left.</returns>
    public int Leave(Channel<StreamEvent> listener)
    {
        lock (_lock)
        {
            _listeners.Remove(listener);
            return _listeners.Count;
        }
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        var subscribed = false;
        var commented = _time.GetTimestamp();
        while (!_stopped.IsCancellationRequested)
        {
            // Anew after every outage: what a restarted Redis knows of subscriptions is the client's word alone.
            subscribed = _cache.IsBelieved && (subscribed || await _cache.TrySubscribeAsync(_deviceId, _told));
            await LookAsync();
            var quiet = _time.GetElapsedTime(commented);
            if (quiet >= BetweenComments)
            {
                Tell(StreamEvent.Comment);
                (commented, quiet) = (_time.GetTimestamp(), TimeSpan.Zero);
            }

            var wait = BetweenComments - quiet;
            await ChangedAsync(subscribed || wait < BetweenPolls ? wait : BetweenPolls);
        }

        await _cache.UnsubscribeAsync(_deviceId, _told);
    }

    private async Task ChangedAsync(TimeSpan atMost)
    {
        using var deadline = new CancellationTokenSource(atMost, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _stopped);
        try
        {
            await _changed.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            // Time for a look or a comment; or nobody listens any more.
        }
    }

    private async Task LookAsync()
    {
        try
        {
            if (await _cache.ReadAsync(_deviceId, _samples.FindAsync, _stopped) is { } sample && sample != _newest)
            {
                _newest = sample;
                Tell(StreamEvent.Of(sample, _time.GetUtcNow()));
            }
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
        {
            // Nobody listens any more.
        }
        catch (Exception failure) when (failure is NpgsqlException || DatabaseErrors.IsUnavailable(failure))
        {
            _database.WarnUnavailable(failure); // The listeners stay; the next look finds what they have missed.
        }
    }

    private void Tell(StreamEvent told)
    {
        lock (_lock)
        {
            foreach (var listener in _listeners)
            {
                // A comment must not push out a sample that waits for a slow listener.
                if (told.Sample is not null || listener.Reader.Count == 0)
                {
                    listener.Writer.TryWrite(told);
                }
            }
        }
    }
}
