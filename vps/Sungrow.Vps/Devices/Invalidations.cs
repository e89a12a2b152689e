using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Sungrow.Vps.Devices;

/// <summary>What an admin command changes reaches every replica at once: a message names the device, and each replica forgets it. Nothing
/// depends on the message alone: without Redis, or while it is away, an entry ends with its time to live.
/// Invariants: as long as this replica hears what it says itself, it hears the others. After any time in which it may not have,
/// everything is forgotten, as nobody knows what was missed; of viewers nothing is kept before it hears again. At shutdown nothing is
/// left to do.</summary>
internal sealed class Invalidations(
    IOptions<DevicesOptions> options, DeviceAuthCache cache, ViewerAuthCache viewers, KnownTokens known, TimeProvider time,
    ILogger<Invalidations> log)
    : BackgroundService
{
    private const string Channel = "auth:invalidate";

    /// <summary>In place of a device: a viewer's token or session has changed.</summary>
    private const string Viewers = "viewers";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private volatile bool _mayHaveMissed = true;
    private volatile Echo _echo = new();
    private volatile ISubscriber? _subscriber;

    /// <summary>Tells every replica that listens; called after the commit.</summary>
    /// <returns>False when Redis did not take it in time.</returns>
    public static Task<bool> TryTellAsync(
        string redisUrl, string tenant, string deviceId, TimeProvider time, CancellationToken cancellationToken) =>
        TryTellAsync(redisUrl, $"{tenant}/{deviceId}", time, cancellationToken);

    /// <summary>Tells every replica that a viewer has changed. One that does not hear it keeps nothing of viewers.</summary>
    public static Task<bool> TryTellOfViewersAsync(string redisUrl, TimeProvider time, CancellationToken cancellationToken) =>
        TryTellAsync(redisUrl, Viewers, time, cancellationToken);

    private static async Task<bool> TryTellAsync(
        string redisUrl, string message, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!RedisUrl.TryParse(redisUrl, out var redis, out _))
        {
            return false;
        }

        // Synchronously, as everywhere: what follows an awaited connect runs on the thread that reads the socket.
        using var connection = ConnectionMultiplexer.Connect(redis);
        return await TryAsync(connection.GetSubscriber().PublishAsync(Channel, message), time, cancellationToken);
    }

    /// <summary>This server has changed a session: it forgets, and so do the others.</summary>
    public async Task TellOfViewersAsync(CancellationToken cancellationToken)
    {
        viewers.Invalidate();
        if (_subscriber is { } subscriber)
        {
            await TryAsync(subscriber.PublishAsync(Channel, Viewers), time, cancellationToken);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!RedisUrl.TryParse(options.Value.RedisUrl, out var redis, out _))
        {
            return; // There is no Redis; a malformed URL has ended the start.
        }

        using var connection = ConnectionMultiplexer.Connect(redis);
        connection.ConnectionFailed += (_, _) => Miss();
        var subscriber = _subscriber = connection.GetSubscriber();
        for (bool? heard = null; ; await Task.Delay(Pause, time, stoppingToken))
        {
            var hears = heard is not null && await HearsItselfAsync(subscriber, stoppingToken);
            if (!hears)
            {
                Miss();
                await TryAsync(subscriber.UnsubscribeAsync(Channel), time, stoppingToken); // Else the handler would be there twice.
                hears = await TryAsync(subscriber.SubscribeAsync(Channel, Hear), time, stoppingToken)
                    && await HearsItselfAsync(subscriber, stoppingToken);
            }

            if (hears && _mayHaveMissed)
            {
                _mayHaveMissed = false;
                cache.InvalidateAll();
                viewers.Begin(hears: true);
                known.Refresh();
                if (_mayHaveMissed)
                {
                    viewers.Begin(hears: false); // Lost in this moment, and said too early to be the last word.
                }
            }

            if (hears != heard)
            {
                heard = hears;
                Report(hears);
            }
        }
    }

    private void Miss()
    {
        _mayHaveMissed = true;
        viewers.Begin(hears: false);
    }

    private async Task<bool> HearsItselfAsync(ISubscriber subscriber, CancellationToken stoppingToken)
    {
        var echo = _echo = new Echo();
        return await TryAsync(subscriber.PublishAsync(Channel, echo.Word), time, stoppingToken)
            && await TryAsync(echo.Heard.Task, time, stoppingToken);
    }

    // On the thread that reads the socket: nothing here waits.
    private void Hear(RedisChannel channel, RedisValue message)
    {
        var echo = _echo;
        switch (((string)message).Split('/'))
        {
            case [var tenant, var deviceId]:
                cache.Invalidate(tenant, deviceId);
                viewers.Invalidate();
                known.Refresh();
                break;
            case [Viewers]:
                viewers.Invalidate();
                known.Refresh();
                break;
            case [var word] when word == echo.Word:
                echo.Heard.TrySetResult();
                break;
        }
    }

    private void Report(bool hears)
    {
        if (hears)
        {
            log.RevocationsAreHeard();
        }
        else
        {
            log.RevocationsAreNotHeard(options.Value.AuthCacheTtlSeconds);
        }
    }

    // The client's own calls have no time-out, and complete on the thread that reads the socket, where nothing else may run.
    private static async Task<bool> TryAsync(Task call, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            await call.ContinueWith(static done => done, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default)
                .Unwrap().WaitAsync(Patience, time, cancellationToken);
            return true;
        }
        catch (Exception failure) when (failure is RedisException or TimeoutException or ObjectDisposedException)
        {
            return false; // Said once, by who asked.
        }
    }

    private sealed class Echo
    {
        public string Word { get; } = RandomNumberGenerator.GetHexString(32);

        public TaskCompletionSource Heard { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
