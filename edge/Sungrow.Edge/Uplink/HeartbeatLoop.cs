using System.Reflection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Polling;
using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>Reports to the VPS at start, each minute and at stop; sooner while the clock is not trusted, since each answer carries the
/// server's. A report that is not taken is not repeated at once: the next one says the same and more.
/// Invariants: what a report lists is sent again until a 200 came for it; a buffer that cannot be used costs lists and asks, never the
/// loop.</summary>
internal sealed class HeartbeatLoop(
    SampleBuffer buffer,
    IIngestApi api,
    PollStatus poll,
    SampleClock clock,
    IOptions<PollingOptions> polling,
    TimeProvider time,
    ILogger<HeartbeatLoop> logger) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan EveryWithoutClock = TimeSpan.FromSeconds(10);

    // A stop must not wait for a server that is gone.
    private static readonly TimeSpan AtStop = TimeSpan.FromSeconds(2);

    private static readonly string Version =
        Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    private readonly DateTimeOffset _startedAt = time.GetUtcNow();

    // What the buffer said last: an edge whose disk is broken still says that it lives.
    private EdgeReport? _known;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        using var deadline = new CancellationTokenSource(AtStop, time);
        try
        {
            await ReportAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            // The server did not answer in time; it sees the silence itself.
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await ReportAsync(stoppingToken);
            await Task.Delay(clock.IsTrusted() ? Every : EveryWithoutClock, time, stoppingToken);
        }
    }

    private async Task ReportAsync(CancellationToken cancellationToken)
    {
        var entries = Entries.None;
        try
        {
            (_known, entries) = Read();
        }
        catch (BufferUnavailableException unavailable)
        {
            Log.ReportWithoutBuffer(logger, unavailable.Message);
        }

        if (_known is null)
        {
            return; // Nothing is known yet, not even whose buffer this is.
        }

        switch (await api.HeartbeatAsync(Now(_known, entries), cancellationToken))
        {
            case Answered<HeartbeatAnswer>(var answer):
                Heed(entries, answer);
                break;
            case Refused<HeartbeatAnswer>(var status, var problem, _):
                Log.ReportRefused(logger, status, problem.Code);
                break;
            case NoAnswer<HeartbeatAnswer>(var sentence):
                Log.ReportNotTaken(logger, sentence);
                break;
        }
    }

    /// <summary>A 200 acknowledges every entry sent, and may ask for rows or entries again.</summary>
    private void Heed(Entries entries, HeartbeatAnswer answer)
    {
        try
        {
            buffer.Reported(entries.Missing, entries.Gaps, entries.Replaces);
            foreach (var range in answer.Resend.Where(range => range.BufferId == buffer.BufferId).Take(ProtocolLimits.MaxReportEntries))
            {
                buffer.AddResend(range.FromSeq, range.ToSeq);
            }

            if (answer.RepeatSince is { } since)
            {
                buffer.RepeatReports(since);
            }
        }
        catch (BufferUnavailableException unavailable)
        {
            // The entries are sent again, and the server asks again.
            Log.ReportWithoutBuffer(logger, unavailable.Message);
        }
    }

    private (EdgeReport Known, Entries Entries) Read()
    {
        var state = buffer.ReadState();
        var entries = new Entries(
            buffer.UnreportedMissing(ProtocolLimits.MaxReportEntries),
            buffer.UnreportedGaps(ProtocolLimits.MaxReportEntries),
            state.Replaces is not null);
        var known = new EdgeReport
        {
            BufferId = state.BufferId,
            Replaces = state.Replaces is { } old ? new(old.BufferId, old.Salvaged, old.Lost) : null,
            BootId = Clock.BootId,
            Version = Version,
            StartedAt = _startedAt,
            SentAt = _startedAt,
            ClockTrusted = false,
            PollIntervalS = polling.Value.Interval.TotalSeconds,
            SamplesPerRow = polling.Value.SamplesPerRow,
            Inverter = new(null, null, Reachable: false, null),
            Cursors = state.Devices.ToDictionary(device => device.DeviceId, device => device.Cursor),
            Waiting = new(state.Waiting, state.Held, state.OldestWaiting, state.NewestWaiting),
            Counters = new(state.Committed, state.Acknowledged, state.DeadLettered, state.Evicted),
            Missing = [],
            Gaps = [],
        };
        return (known, entries);
    }

    private EdgeReport Now(EdgeReport known, Entries entries)
    {
        var seen = poll.Now;
        return known with
        {
            SentAt = time.GetUtcNow(),
            ClockTrusted = clock.IsTrusted(),
            Inverter = new(seen.Inverter?.Model, seen.Inverter?.Serial, seen.Reachable, seen.LastPoll),
            Missing = [.. entries.Missing.Select(range => new Protocol.MissingRange(
                range.FromSeq, range.ToSeq, range.Rows, range.From, range.To, range.Reason))],
            Gaps = [.. entries.Gaps.Select(gap => new GapReport(gap.From, gap.To, gap.Reason, gap.Missed))],
        };
    }

    /// <summary>What one report lists, to be acknowledged with it.</summary>
    private sealed record Entries(IReadOnlyList<Buffer.MissingRange> Missing, IReadOnlyList<Gap> Gaps, bool Replaces)
    {
        public static readonly Entries None = new([], [], Replaces: false);
    }
}
