using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;

namespace Sungrow.Edge.Uplink;

/// <summary>Empties the buffer towards the VPS in two lanes, and tells both when there is more.
/// At shutdown the requests in flight are dropped: their rows are either acknowledged or will be sent again, and the server's key makes
/// that harmless.</summary>
/// <param name="backlogPace">Of the backlog lane alone: the lanes wait each for itself.</param>
/// <param name="livePace">Of the live lane alone.</param>
/// <param name="doubtClock">Called when the server finds our time ahead of its own.</param>
internal sealed class ReplayLoop(
    SampleBuffer buffer,
    IIngestApi api,
    IOptions<UplinkOptions> options,
    Backoff backlogPace,
    Backoff livePace,
    TimeProvider time,
    EdgeMetrics metrics,
    ILogger<ReplayLoop> logger,
    Action? doubtClock = null,
    Liveness? liveness = null) : BackgroundService
{
    // A request is sent anew with a token that was rotated meanwhile.
    private const int Attempts = 2;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var batchSize = options.Value.BatchSize;
        var paused = new PausedDevices(time);
        var clearing = new Clearing(buffer, time, metrics, logger);
        var doubt = doubtClock ?? (static () => { });
        var backlogLane = NewLane("backlog", backlogPace);
        var backlog = new BacklogLane(buffer, backlogLane, clearing, new BatchLimit(batchSize), paused, doubt, time, logger);
        var liveLane = NewLane("live", livePace);
        var live = new LiveLane(buffer, liveLane, batchSize, () => clearing.IsBraked, paused, backlog.Delivered, doubt);

        // One that breaks takes the others along: the host must see it.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var passOn = PassOnAsync(clearing, [backlogLane.Bell, liveLane.Bell], end.Token);
        Task[] all = [backlog.RunAsync(end.Token), live.RunAsync(end.Token), passOn];
        await Task.WhenAny(all);
        await end.CancelAsync();
        await Task.WhenAll(all);
    }

    private Lane NewLane(string name, Backoff pace) =>
        new(name, api, pace, options.Value.Timeout * Attempts, time, metrics, liveness);

    private async Task PassOnAsync(Clearing clearing, Bell[] bells, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await buffer.WaitForMoreAsync(stoppingToken);
            try
            {
                if (buffer.TakeOrders().OfType<ReleaseBrake>().Any())
                {
                    clearing.OrderRelease();
                }
            }
            catch (BufferUnavailableException)
            {
                // An order that cannot be read stays; the lanes say what is wrong with the buffer.
            }

            Array.ForEach(bells, bell => bell.Ring());
        }
    }
}
