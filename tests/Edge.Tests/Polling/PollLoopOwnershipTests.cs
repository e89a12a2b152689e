using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Inverter;
using Sungrow.Edge.Polling;
using Sungrow.Edge.Tests.Inverter;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Polling;

/// <summary>The loop with its real reader and buffer, against an inverter on loopback.</summary>
public sealed class PollLoopOwnershipTests : IAsyncLifetime
{
    private const int Deadline = 120_000;
    private const string First = "A2290112345";
    private const string Second = "A2340567890";

    private readonly TempFolder _folder = new();
    private readonly RegisterServer _server = new(Words.Sh10Rt());
    private readonly EdgeMetrics _metrics = new();
    private readonly ListLogger<PollLoop> _log = new();
    private SampleBuffer _buffer = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private IOptions<BufferOptions> BufferFile => Options.Create(new BufferOptions { Path = _folder.File("buffer.db") });

    public ValueTask InitializeAsync()
    {
        _buffer = SampleBuffer.Open(BufferFile.Value.Path, "boot");
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _buffer.Dispose();
        _metrics.Dispose();
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Fact(Timeout = Deadline)]
    public async Task Another_inverter_at_our_address_is_never_recorded_as_ours_until_it_is_accepted()
    {
        using var loop = Loop(id: "house", pollsPerRow: 1);
        await loop.StartAsync(Token);
        await CommittedAsync("house", 2);

        await ExchangeAsync(Words.Sh20T());
        await Until.TrueAsync(() => _log.Lines.Any(line => line.Contains(Second) && line.Contains("--accept-serial")), cancellationToken: Token);
        var held = Committed("house");
        var missed = _metrics.MissedSoFar;
        await Until.TrueAsync(() => _metrics.MissedSoFar > missed + 5, cancellationToken: Token);
        Assert.Equal(held, Committed("house"));
        Assert.Equal(["house"], _buffer.ReadState().Devices.Select(device => device.DeviceId));

        Assert.Null(Ownership("house").Accept(new(Second, 0x0E26, "SH20T", InverterFamily.Hybrid, 20_000, 3)));
        await CommittedAsync("house", held + 2);
        await loop.StopAsync(Token);

        var watts = _buffer.Peek(1000)!.Samples.Select(row => row.Metrics.PvPowerWatts).ToList();
        Assert.All(watts.Take((int)held), power => Assert.Equal(1201, power));
        Assert.All(watts.Skip((int)held), power => Assert.Equal(9327, power));
    }

    [Fact(Timeout = Deadline)]
    public async Task A_row_begun_with_one_inverter_is_not_finished_with_another()
    {
        using var loop = Loop(id: "house", pollsPerRow: 1000);
        await loop.StartAsync(Token);
        await Until.TrueAsync(() => _metrics.PolledSoFar > 3, cancellationToken: Token);

        await ExchangeAsync(Words.Sh20T());
        await CommittedAsync("house", 1);
        Assert.Null(Ownership("house").Accept(new(Second, 0x0E26, "SH20T", InverterFamily.Hybrid, 20_000, 3)));
        var polled = _metrics.PolledSoFar;
        await Until.TrueAsync(() => _metrics.PolledSoFar > polled + 3, cancellationToken: Token);
        await loop.StopAsync(Token);

        Assert.Equal([1201, 9327], _buffer.Peek(1000)!.Samples.Select(row => row.Metrics.PvPowerWatts!.Value));
    }

    [Fact(Timeout = Deadline)]
    public async Task Without_a_device_id_another_inverter_goes_on_under_its_own()
    {
        using var loop = Loop(id: null, pollsPerRow: 1);
        await loop.StartAsync(Token);
        await CommittedAsync(First, 2);

        await ExchangeAsync(Words.Sh20T());
        await CommittedAsync(Second, 2);
        await loop.StopAsync(Token);

        Assert.All(_buffer.Peek(1000)!.Samples, row => Assert.Equal(1201, row.Metrics.PvPowerWatts));
    }

    [Fact(Timeout = Deadline)]
    public async Task Yesterdays_counter_is_stored_as_nothing_and_the_rest_of_the_sample_is_there()
    {
        // A total that is lower than the day's own sum can belong to no day, whatever the time.
        _server.Words = Words.Sh10Rt().Set(13001, 361, 100, 0);
        using var loop = Loop(id: null, pollsPerRow: 1);
        await loop.StartAsync(Token);
        await CommittedAsync(First, 2);
        await loop.StopAsync(Token);

        Assert.All(_buffer.Peek(1000)!.Samples, row => Assert.Equal((1201d, (double?)null), (row.Metrics.PvPowerWatts, row.Metrics.PvDailyKwh)));
        Assert.Equal(First, CounterState.Load(BufferFile.Value.Path + ".counters")!.Serial);
    }

    [Fact(Timeout = Deadline)]
    public async Task Round_trips_and_errors_are_counted_by_block()
    {
        List<(string Name, string? Block, string? Error)> seen = [];
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Name.StartsWith("sungrow_edge_block", StringComparison.Ordinal))
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Keep(instrument, tags));
        listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) => Keep(instrument, tags));
        listener.Start();
        _server.Refuse[5213] = 2;
        using var loop = Loop(id: null, pollsPerRow: 1);
        await loop.StartAsync(Token);
        await CommittedAsync(First, 2);
        await loop.StopAsync(Token);

        lock (seen)
        {
            Assert.Contains(("sungrow_edge_block_seconds", "MAIN", null), seen);
            Assert.Contains(("sungrow_edge_block_seconds", "PV", null), seen);
            Assert.Contains(("sungrow_edge_block_errors", "BATT", "illegal data address"), seen);
        }

        void Keep(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string? block = null, error = null;
            foreach (var (key, value) in tags)
            {
                (block, error) = key == "block" ? ((string?)value, error) : (block, (string?)value);
            }

            lock (seen)
            {
                seen.Add((instrument.Name, block, error));
            }
        }
    }

    private Ownership Ownership(string? id) => new(Options.Create(new DeviceOptions { Id = id }), BufferFile, NullLogger<Ownership>.Instance);

    private PollLoop Loop(string? id, int pollsPerRow)
    {
        var inverter = Options.Create(new InverterOptions
        {
            Host = "127.0.0.1",
            Port = _server.Port,
            RequestTimeout = TimeSpan.FromSeconds(30),
            TimeZone = "UTC",
        });
        var polling = Options.Create(new PollingOptions { Interval = TimeSpan.FromMilliseconds(50), SamplesPerRow = pollsPerRow });
        return new(
            new InverterReader(inverter, TimeProvider.System, NullLogger<InverterReader>.Instance),
            _buffer,
            new PollStatus(),
            polling,
            Ownership(id),
            new DailyCounter(inverter, BufferFile, _metrics, NullLogger<DailyCounter>.Instance),
            Clocks.Of(_buffer, TimeProvider.System),
            new GapBook(_buffer, polling),
            TimeProvider.System,
            _metrics,
            _log);
    }

    /// <summary>Another inverter behind the same address: the connection to the first one is gone.</summary>
    private async Task ExchangeAsync(Words words)
    {
        var exchanged = new TaskCompletionSource();
        _server.Script = (client, _) =>
        {
            client.Reset();
            _server.Words = words;
            _server.Script = null;
            exchanged.TrySetResult();
            return Task.FromResult(true);
        };
        await exchanged.Task.WaitAsync(Token);
    }

    private long Committed(string deviceId) => _buffer.ReadState().Devices.FirstOrDefault(device => device.DeviceId == deviceId)?.Committed ?? 0;

    private Task CommittedAsync(string deviceId, long rows) => Until.TrueAsync(() => Committed(deviceId) >= rows, cancellationToken: Token);
}
