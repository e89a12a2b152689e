using System.Reflection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Polling;
using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>Reports to the VPS at start, each minute and at stop. A report that is not taken is not repeated at once: the next one says
/// the same and more.</summary>
internal sealed class HeartbeatLoop(
    SampleBuffer buffer,
    IIngestApi api,
    PollStatus poll,
    IOptions<PollingOptions> polling,
    TimeProvider time,
    ILogger<HeartbeatLoop> logger) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    // A stop must not wait for a server that is gone.
    private static readonly TimeSpan AtStop = TimeSpan.FromSeconds(2);

    private static readonly string Version =
        Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    private readonly DateTimeOffset _startedAt = time.GetUtcNow();

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
        using var timer = new PeriodicTimer(Every, time);
        do
        {
            await ReportAsync(stoppingToken);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task ReportAsync(CancellationToken cancellationToken)
    {
        switch (await api.HeartbeatAsync(Report(), cancellationToken))
        {
            case Answered<HeartbeatAnswer>:
                break;
            case Refused<HeartbeatAnswer>(var status, var problem, _):
                Log.ReportRefused(logger, status, problem.Code);
                break;
            case NoAnswer<HeartbeatAnswer>(var sentence):
                Log.ReportNotTaken(logger, sentence);
                break;
        }
    }

    private EdgeReport Report()
    {
        var state = buffer.ReadState();
        var seen = poll.Now;
        return new()
        {
            BufferId = state.BufferId,
            BootId = Clock.BootId,
            Version = Version,
            StartedAt = _startedAt,
            SentAt = time.GetUtcNow(),
            ClockTrusted = Clock.IsSynchronised(),
            PollIntervalS = polling.Value.Interval.TotalSeconds,
            SamplesPerRow = polling.Value.SamplesPerRow,
            Inverter = new(seen.Inverter?.Model, seen.Inverter?.Serial, seen.Reachable, seen.LastPoll),
            Cursors = state.Devices.ToDictionary(device => device.DeviceId, device => device.Cursor),
            Waiting = new(state.Waiting, Held: 0, state.OldestWaiting, state.NewestWaiting),
            Counters = new(state.Committed, state.Acknowledged, DeadLettered: 0, Evicted: 0),
            Missing = [],
            Gaps = [],
        };
    }
}
