using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Options;
using Npgsql;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet;

/// <summary>Pushes this VPS to another: each tick the sites, the devices, and of the outbox up to three batches at once, oldest first;
/// the next tick follows at once where more waits. One replica at a time, by an advisory lock.
/// Invariants: a row of the outbox goes when its samples are confirmed, and in the order of the batches, so that none goes behind one that
/// failed; who dies in between leaves it to be pushed again, as duplicates. At shutdown nothing is left to do.</summary>
internal sealed class FleetPusher(
    Database database, FleetClient client, TimescaleBatchWriter ingest, IOptions<FleetIngestOptions> options, TimeProvider time,
    ILogger<FleetPusher> log) : BackgroundService
{
    // Beside AggregateRefresh's.
    public const long LockKey = AggregateRefresh.LockKey + 1;

    private static readonly string[] Resources = [BatchTypes.Sites, BatchTypes.Devices, BatchTypes.Measurements];
    private static readonly TimeSpan UntilReady = TimeSpan.FromSeconds(1);

    // What a set that was pushed a moment ago is spared.
    private readonly TimeSpan _fresh = options.Value.Interval * 0.9;
    private readonly Seldom _progress = new(TimeSpan.FromSeconds(10), time);
    private readonly MeasurementPush _measurements = new(client, ingest, time);
    private readonly Dictionary<string, BatchSize> _setSizes = Resources[..2].ToDictionary(resource => resource, _ => BatchSize.Largest);
    private bool _isStart = true;
    private bool _behind;
    private long _pushed;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        log.FleetPushes(options.Value.Address, options.Value.Interval);
        while (true)
        {
            var wait = options.Value.Interval;
            try
            {
                wait = await TickAsync(stoppingToken);
            }
            catch (DatabaseNotReadyException)
            {
                wait = UntilReady; // The start says why.
            }
            catch (Exception failure)
                when (failure is not OperationCanceledException && (failure is NpgsqlException || DatabaseErrors.IsUnavailable(failure)))
            {
                log.FleetPushWaits(DatabaseErrors.Describe(failure)); // The outbox is still there; the next tick takes it.
            }

            await Task.Delay(wait, time, stoppingToken);
        }
    }

    /// <returns>When the next tick is due.</returns>
    private async Task<TimeSpan> TickAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        if (!await TryLockAsync(connection, cancellationToken))
        {
            return options.Value.Interval;
        }

        try
        {
            return await PushAsync(connection, cancellationToken);
        }
        finally
        {
            await UnlockAsync(connection);
        }
    }

    private async Task<TimeSpan> PushAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        if (await PushStates.EnsureAsync(connection, _isStart, cancellationToken) is { } devices)
        {
            log.FleetPastEnqueued(devices);
            _behind = devices > 0;
        }

        _isStart = false;
        var goesOn = await PushSetAsync(
                connection, BatchTypes.Sites, FleetSource.SitesAsync, sites => new(sites), FleetJson.Default.SiteSet, cancellationToken)
            && await PushSetAsync(
                connection, BatchTypes.Devices, FleetSource.DevicesAsync, known => new(known), FleetJson.Default.DeviceSet, cancellationToken);
        return goesOn ? await PushMeasurementsAsync(connection, cancellationToken) : options.Value.Interval;
    }

    private static async Task<bool> TryLockAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand($"SELECT pg_try_advisory_lock({LockKey})", connection);
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    private async Task UnlockAsync(NpgsqlConnection connection)
    {
        try
        {
            await using var command = new NpgsqlCommand($"SELECT pg_advisory_unlock({LockKey})", connection);
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (Exception gone) when (gone is NpgsqlException or InvalidOperationException)
        {
            log.FleetPushWaits(DatabaseErrors.Describe(gone)); // The session has ended, and its lock with it.
        }
    }

    /// <returns>False where the token is refused: nothing else is worth a try.</returns>
    private async Task<bool> PushSetAsync<TRow, TSet>(
        NpgsqlConnection connection, string type, Func<NpgsqlConnection, CancellationToken, Task<List<TRow>>> read,
        Func<IReadOnlyList<TRow>, TSet> set, JsonTypeInfo<TSet> form, CancellationToken cancellationToken)
    {
        var state = await PushStates.ReadAsync(connection, type, cancellationToken);
        var now = time.GetUtcNow();
        if (!state.MayTry(now) || state.SucceededAt + _fresh > now)
        {
            return true;
        }

        var rows = await read(connection, cancellationToken);
        PushAnswer? answer = null;
        for (var sent = 0; answer is null or { Outcome: PushOutcome.Stored or PushOutcome.TooLarge } && (answer is null || sent < rows.Count);)
        {
            var batch = rows.GetRange(sent, Math.Min(_setSizes[type].Rows, rows.Count - sent));
            answer = await client.SendAsync(type, set(batch), form, batch.Count, cursor: null, cancellationToken);
            _setSizes[type] = _setSizes[type].After(answer.Outcome, batch.Count);
            if (answer.Outcome == PushOutcome.Stored)
            {
                Report(type, answer);
                sent += batch.Count;
            }
        }

        return await HeedAsync(connection, state, answer!, cancellationToken) is not { Outcome: PushOutcome.TokenRefused };
    }

    private async Task<TimeSpan> PushMeasurementsAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        const string Type = BatchTypes.Measurements;
        var state = await PushStates.ReadAsync(connection, Type, cancellationToken);
        if (!state.MayTry(time.GetUtcNow()))
        {
            return Until(state);
        }

        var run = await _measurements.RunAsync(connection, answer => Report(Type, answer), cancellationToken);
        _pushed += run.Samples;
        if (run is { Batches: 0, Bad: null })
        {
            ReportCaughtUp();
            return options.Value.Interval;
        }

        await HeedAsync(connection, state, run.Bad ?? new(PushOutcome.Stored, null, null, null), cancellationToken);
        return await NextAsync(connection, run.Bad, run.More, cancellationToken);
    }

    private async Task<TimeSpan> NextAsync(
        NpgsqlConnection connection, PushAnswer? bad, bool more, CancellationToken cancellationToken)
    {
        if (bad is { Outcome: not PushOutcome.TooLarge })
        {
            return Until(await PushStates.ReadAsync(connection, BatchTypes.Measurements, cancellationToken));
        }

        if (bad is null && !more)
        {
            ReportCaughtUp();
            return options.Value.Interval;
        }

        _behind = true;
        if (_progress.IsDue())
        {
            await using var command = new NpgsqlCommand("SELECT count(*) FROM fleet_outbox", connection);
            log.FleetProgress(_pushed, (long)(await command.ExecuteScalarAsync(cancellationToken))!);
        }

        return TimeSpan.Zero;
    }

    private TimeSpan Until(PushState state)
    {
        var wait = (state.NextTry ?? time.GetUtcNow()) - time.GetUtcNow();
        return wait <= TimeSpan.Zero ? TimeSpan.FromMilliseconds(100) : wait < options.Value.Interval ? wait : options.Value.Interval;
    }

    /// <summary>Keeps what an answer means for the next try, and says what a person should know.</summary>
    private async Task<PushAnswer> HeedAsync(
        NpgsqlConnection connection, PushState state, PushAnswer answer, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var after = PushPolicy.After(state, answer, now, Random.Shared.NextDouble());
        await PushStates.WriteAsync(connection, after, cancellationToken);
        switch (answer.Outcome)
        {
            case PushOutcome.TokenRefused:
                log.FleetTokenRefused(options.Value.Address, after.NextTry);
                foreach (var other in Resources.Where(resource => resource != state.Resource))
                {
                    var known = await PushStates.ReadAsync(connection, other, cancellationToken);
                    await PushStates.WriteAsync(connection, PushPolicy.After(known, answer, now, 0), cancellationToken);
                }

                break;
            case PushOutcome.RateLimited:
                log.FleetRateLimited(state.Resource, after.NextTry);
                break;
            case PushOutcome.Failed:
                log.FleetPushFailed(state.Resource, options.Value.Address, answer.What, after.NextTry);
                break;
        }

        return answer;
    }

    private void Report(string type, PushAnswer answer)
    {
        if (answer.Counts is { } counts)
        {
            log.FleetPushed(type, counts.Accepted, counts.Duplicates);
            if (counts.Rejected > 0)
            {
                log.FleetRejected(type, counts.Rejected);
            }
        }
    }

    private void ReportCaughtUp()
    {
        if (_behind)
        {
            log.FleetCaughtUp(_pushed);
            _behind = false;
            _pushed = 0;
        }
    }
}
