using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Sungrow.Edge.Inverter;

/// <summary>Reads one inverter. Not for two callers at once.
/// Invariants: at most one connection; every value comes from a reply to this poll's own request; after a failure the connection is
/// gone, and the next poll opens and identifies a new one. Whether a changed serial number matters is the caller's to decide.</summary>
internal sealed class InverterReader(IOptions<InverterOptions> options, TimeProvider time, ILogger<InverterReader> logger)
    : IAsyncDisposable
{
    private readonly InverterOptions _options = options.Value;
    private readonly InverterDialer _dialer = new(options.Value, time);
    private readonly HashSet<string> _impossibleSeen = [];
    private InverterSession? _session;

    /// <summary>Reads once. Throws only when cancelled; the connection is closed then.</summary>
    public async Task<PollResult> PollAsync(CancellationToken cancellationToken)
    {
        List<BlockAnswer> answers = [];
        try
        {
            var session = await OpenSessionAsync(answers, cancellationToken);
            var served = await session.ReadAsync(answers, cancellationToken);
            return Decode(session.Identity, served) with { Blocks = answers };
        }
        catch (ModbusConnectionException broken)
        {
            CloseSession();
            var sentence = UnreachableSentences.For(broken.Reason, broken.Detail, _options);
            return new Unreachable(broken.Reason, sentence) { Blocks = answers };
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

    private async Task<InverterSession> OpenSessionAsync(List<BlockAnswer> answers, CancellationToken cancellationToken)
    {
        // An inverter may drop an idle connection: no failure, nothing was asked on it.
        if (_session is { IsOpen: false })
        {
            CloseSession();
        }

        return _session ??= await InverterSession.OpenAsync(_dialer, _options, time, answers, cancellationToken);
    }

    private Polled Decode(InverterIdentity identity, ServedWords served)
    {
        var reading = identity.Family == InverterFamily.Hybrid ? HybridReading.Of(served) : StringReading.Of(served);

        // Counted by the caller, said once per metric: a wrong register is wrong in every poll.
        List<string> impossible = [];
        reading = reading.KeepPossible(impossible);
        foreach (var metric in impossible.Where(_impossibleSeen.Add))
        {
            Log.ImpossibleValue(logger, metric, identity.Model);
        }

        return new(identity, reading) { Impossible = impossible };
    }

    private void CloseSession()
    {
        _session?.Dispose();
        _session = null;
    }
}
