using Sungrow.Edge.Buffer;
using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>Sends each newest sample at once while the backlog is longer than a batch, or is stopped by the brake, so that the owner
/// sees now while the past follows.
/// Invariants: one request in flight, of few samples; moves no cursor and judges no row: the backlog comes to every row by itself.</summary>
/// <param name="delivered">Rings when the backlog lane has got through.</param>
internal sealed class LiveLane(
    SampleBuffer buffer, Lane lane, int batchSize, Func<bool> isBraked, PausedDevices paused, Bell delivered, Action doubtClock)
{
    /// <summary>The server charges so small a request to its own bucket, which a backlog does not empty.</summary>
    public const int MaxSamples = 10;

    private readonly Dictionary<string, long> _sent = new(StringComparer.Ordinal);
    private Guid _bufferId = buffer.BufferId;

    // Of the buffer's trouble the backlog lane speaks.
    public Task RunAsync(CancellationToken stoppingToken) => lane.RunAsync(StepAsync, static _ => { }, stoppingToken);

    // Held rows are no backlog, they wait for their time; nor are those of a device that rests.
    private bool IsNeeded() =>
        isBraked() || buffer.ReadState().Devices
            .Where(device => !paused.IsPaused(device.DeviceId))
            .Sum(device => device.Waiting - device.Held) > batchSize;

    private async Task<bool> StepAsync(CancellationToken stoppingToken)
    {
        if (!IsNeeded())
        {
            return false;
        }

        if (_bufferId != buffer.BufferId)
        {
            // Salvaged under us: the numbers began anew.
            _sent.Clear();
            _bufferId = buffer.BufferId;
        }

        var any = false;
        foreach (var device in buffer.DevicesWaiting().Where(device => !paused.IsPaused(device)))
        {
            if (buffer.PeekNewest(device, _sent.GetValueOrDefault(device), MaxSamples) is { } newest)
            {
                any = true;
                await SendAsync(newest, stoppingToken);
            }
        }

        return any;
    }

    private async Task SendAsync(BufferedBatch newest, CancellationToken stoppingToken)
    {
        var body = WireBody.Of(WireSample.From(newest), ProtocolJson.Default.IngestBatch);
        switch (await lane.SendAsync(body, newest.Samples.Count, stoppingToken))
        {
            case Later later:
                // Once the backlog gets through, the server is back.
                await lane.PauseAsync(lane.Backoff.Failed(later.AtLeast), stoppingToken, delivered.Next);
                return;

            case RateLimited limited:
                await lane.PauseAsync(lane.Backoff.RateLimited(limited.Asked), stoppingToken);
                return;

            case NeedsAHand { OneDevice: true }:
                paused.Pause(newest.DeviceId, lane.Backoff.NeedsAHand());
                return;

            case NeedsAHand:
                await lane.PauseAsync(lane.Backoff.NeedsAHand(), stoppingToken);
                return;

            case BadRows(var rows) when rows.Values.Any(Judgement.IsOfTime):
            case BadBatch(var why) when Judgement.IsOfTime(why):
                doubtClock();
                break;
        }

        // Taken, or refused for what it holds: the backlog sorts that out.
        _sent[newest.DeviceId] = newest.LastSeq;
        lane.Backoff.Succeeded();
    }
}
