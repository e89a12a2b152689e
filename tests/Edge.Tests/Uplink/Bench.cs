using System.Diagnostics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Tests.Buffer;
using Sungrow.Edge.Uplink;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

/// <summary>A real buffer file and the replay loop before a scripted server. The loop's waits are of a clock that a test moves; requests
/// take real time.</summary>
internal sealed class Bench : IAsyncDisposable
{
    /// <summary>Each waits on one timer when it has nothing to do, or not yet.</summary>
    private const int Lanes = 2;

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(1);

    private readonly TempFolder _folder = new();
    private readonly EdgeMetrics _metrics = new();

    private Bench(ScriptedVps vps)
    {
        Vps = vps;
        Liveness = new(Time);
        Buffer = Open();
    }

    public ScriptedVps Vps { get; }

    public SampleBuffer Buffer { get; private set; }

    /// <summary>After the newest row that <see cref="Rows"/> make.</summary>
    public FakeTime Time { get; } = new(new(2026, 9, 12, 0, 0, 0, TimeSpan.Zero));

    public ListLogger<ReplayLoop> Log { get; } = new();

    public Liveness Liveness { get; }

    /// <summary>How often the server found our time ahead of its own.</summary>
    public int Doubts { get; private set; }

    public BufferState State => Buffer.ReadState();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static async Task<Bench> StartAsync() => new(await ScriptedVps.StartAsync());

    /// <param name="random">Of every jitter: 1 waits longest.</param>
    public Running Start(int batchSize = 500, Uri? url = null, double random = 1)
    {
        var api = Batches.Api(url ?? Vps.Url, more: options => options.Timeout = TimeSpan.FromMinutes(10));
        var loop = new ReplayLoop(
            Buffer,
            api,
            Options.Create(new UplinkOptions { BatchSize = batchSize }),
            Pace(),
            Pace(),
            Time,
            _metrics,
            Log,
            () => Doubts++,
            Liveness);
        return Running.Start(loop, api);

        Backoff Pace() => new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5), () => random);
    }

    /// <summary>As after the process died: the file is opened again.</summary>
    public void Reopen()
    {
        Buffer.Dispose();
        Buffer = Open();
    }

    /// <summary>Lets time fly until <paramref name="condition"/> holds; it stands still while a request is on its way.</summary>
    /// <param name="atMost">Of the loop's own time: that it takes longer is a defect.</param>
    public async Task UntilAsync(
        Func<bool> condition, TimeSpan? atMost = null, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        var end = Time.GetUtcNow() + (atMost ?? TimeSpan.FromDays(1));
        var started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Until.Deadline, $"Not so in time: {what}");
            if (Time.Waiting >= Lanes && Time.GetUtcNow() < end)
            {
                Time.Advance(TimeSpan.FromSeconds(5));
            }

            await Task.Delay(Look, TimeProvider.System, Cancelled);
        }
    }

    public Task DrainedAsync(TimeSpan? atMost = null) => UntilAsync(() => State.Waiting == 0, atMost);

    public IReadOnlyList<DeadLetterRow> DeadLetters() => [.. SampleBuffer.ReadDeadLetters(_folder.File("buffer.db"))];

    /// <summary>As a command beside the daemon does.</summary>
    public OrderOutcome Give(Order order) => SampleBuffer.Give(_folder.File("buffer.db"), "boot", order);

    /// <summary>The account closes, and every row is where the test says.</summary>
    public void AssertBalance(long stored, long deadLettered = 0, long waiting = 0)
    {
        var state = State;
        Assert.Equal((stored, deadLettered, waiting), (state.Acknowledged, state.DeadLettered, state.Waiting));
        Assert.Equal(state.Committed, state.Acknowledged + state.DeadLettered + state.Waiting + state.Evicted);
        Assert.Equal(stored, Vps.Stored.Count);
    }

    public async ValueTask DisposeAsync()
    {
        await Vps.DisposeAsync();
        Buffer.Dispose();
        _metrics.Dispose();
        _folder.Dispose();
    }

    // The rows are of a fixed day: kept however late the test runs.
    private SampleBuffer Open() =>
        SampleBuffer.Open(_folder.File("buffer.db"), "boot", new BufferOptions { KeepSent = TimeSpan.FromDays(3_650) });
}
