using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Sungrow.Edge.Inverter;

/// <summary>Reads one inverter. Not for two callers at once.
/// Invariants: at most one connection; every value comes from a reply to this poll's own request; after a failure the connection is
/// gone, and the next poll opens and identifies a new one. Whether a changed serial number matters is the caller's to decide.</summary>
internal sealed class InverterReader(IOptions<InverterOptions> options, TimeProvider time, ILogger<InverterReader> logger)
    : IAsyncDisposable
{
    // Of one poll, the connection counted as one.
    private const int MostRequests = 12;

    private readonly InverterOptions _options = options.Value;
    private readonly InverterDialer _dialer = new(options.Value, time);
    private readonly HashSet<string> _impossibleSeen = [];
    private readonly BlockMemory _memory = new();
    private readonly Contention _contention = new();
    private InverterSession? _session;
    private (string Serial, ConnectionPath Path)? _path;

    private TimeSpan Uptime => time.GetElapsedTime(startingTimestamp: 0);

    /// <summary>What no poll exceeds: a connection, its identification and every block, each at its timeout.</summary>
    public TimeSpan LongestPoll => (_options.RequestTimeout + _options.RequestGap) * MostRequests;

    /// <summary>Reads once. Throws only when cancelled; the connection is closed then.</summary>
    public async Task<PollResult> PollAsync(CancellationToken cancellationToken)
    {
        if (_contention.Left(Uptime) is not null)
        {
            return Unreachable(UnreachableReason.Contention, null, []);
        }

        List<BlockAnswer> answers = [];
        var isNew = _session is not { IsOpen: true };
        try
        {
            var session = await OpenSessionAsync(answers, cancellationToken);
            var polled = Decode(session, await session.ReadAsync(answers, cancellationToken));
            _contention.Succeeded();
            return polled with { Path = await FindPathAsync(session, answers, cancellationToken), Blocks = answers };
        }
        catch (ModbusConnectionException broken)
        {
            CloseSession();
            _contention.Failed(broken.Reason, isNew, Uptime);
            return Unreachable(broken.Reason, broken.Detail, answers);
        }
        catch (OperationCanceledException)
        {
            CloseSession();
            throw;
        }
    }

    public ValueTask DisposeAsync()
    {
        CloseSession();
        return ValueTask.CompletedTask;
    }

    private Unreachable Unreachable(UnreachableReason reason, string? detail, List<BlockAnswer> answers) =>
        new(reason, UnreachableSentences.For(reason, detail, _options)) { Blocks = answers };

    // Asked once per inverter, after its first poll: an answer lost here costs that poll nothing.
    private async Task<ConnectionPath> FindPathAsync(InverterSession session, List<BlockAnswer> answers, CancellationToken cancellationToken)
    {
        var serial = session.Identity.Serial;
        if (_path is not { } known || known.Serial != serial)
        {
            _path = (serial, ConnectionPath.Unknown);
            try
            {
                _path = (serial, await session.FindPathAsync(answers, cancellationToken));
            }
            catch (ModbusConnectionException)
            {
                // Silence is no answer to this question either; the next poll connects anew, and the request stands in the answers.
                CloseSession();
            }
        }

        return session.Path = _path.Value.Path;
    }

    private async Task<InverterSession> OpenSessionAsync(List<BlockAnswer> answers, CancellationToken cancellationToken)
    {
        // An inverter may drop an idle connection: no failure, nothing was asked on it.
        if (_session is { IsOpen: false })
        {
            CloseSession();
        }

        if (_session is not null)
        {
            return _session;
        }

        _session = await InverterSession.OpenAsync(_dialer, _options, _memory, time, answers, cancellationToken);
        _session.Path = _path is { } known && known.Serial == _session.Identity.Serial ? known.Path : ConnectionPath.Unknown;
        return _session;
    }

    private Polled Decode(InverterSession session, ServedWords served)
    {
        var identity = session.Identity;
        var isHybrid = identity.Family == InverterFamily.Hybrid;
        var asServed = Read();
        served.Order = WordOrders.Of(served, isHybrid ? HybridMap.Pairs : StringMap.Pairs, identity.NominalPowerWatts);
        var reading = served.Order == WordOrder.AsDocumented ? asServed : Read();

        // Counted by the caller, said once per metric: a wrong register is wrong in every poll.
        List<string> impossible = [.. reading.Lacks(asServed)];
        reading = reading.KeepPossible(identity.NominalPowerWatts, impossible);
        foreach (var metric in impossible.Where(_impossibleSeen.Add))
        {
            Log.ImpossibleValue(logger, metric, identity.Model);
        }

        return new(identity, reading)
        {
            Impossible = impossible,
            IsZeroed = isHybrid ? HybridReading.IsZeroed(served) : StringReading.IsZeroed(served),
            Counters = PvCounters.Of(identity.Family, served),
        };

        Reading Read() => isHybrid ? HybridReading.Of(served, session.BatterySign) : StringReading.Of(served, session.Meter);
    }

    private void CloseSession()
    {
        _session?.Dispose();
        _session = null;
    }
}
