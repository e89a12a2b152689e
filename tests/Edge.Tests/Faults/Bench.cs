using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Inverter;
using Sungrow.Edge.Tests.Inverter;
using Sungrow.Edge.Tests.Simulator;
using Sungrow.Simulator;
using Sungrow.Simulator.Modbus;
using Xunit;
using Reader = Sungrow.Edge.Inverter.InverterReader;
using Reading = Sungrow.Edge.Inverter.Reading;
using Simulated = Sungrow.Simulator.InverterOptions;

namespace Sungrow.Edge.Tests.Faults;

/// <summary>The edge's own reader before a simulated inverter. The two share no code, so what the reader calls a value can be held against
/// the simulated day.</summary>
internal sealed class Bench : IAsyncDisposable
{
    public const int Deadline = 120_000;

    private readonly DateTimeOffset _start;
    private readonly SteppedTime _simulatorTime;
    private readonly ManualTime? _readerTime;
    private readonly Reader _reader;

    private Bench(Simulated options, DateTimeOffset start, int haste, bool readerWaits)
    {
        _start = start;
        _simulatorTime = new SteppedTime(haste);
        Inverter = SimulatedInverter.Start(
            options with { IdleTimeout = TimeSpan.FromHours(12) }, new SimulatedClock(_simulatorTime, start));
        _readerTime = readerWaits ? null : new ManualTime();
        var reads = new Sungrow.Edge.Inverter.InverterOptions
        {
            Host = "127.0.0.1",
            Port = Inverter.Endpoint.Port,
            RequestTimeout = TimeSpan.FromSeconds(60),
        };
        _reader = new Reader(Options.Create(reads), _readerTime ?? TimeProvider.System, NullLogger<Reader>.Instance);
    }

    public SimulatedInverter Inverter { get; }

    /// <param name="start">RFC 3339, simulated time; it stands until it is moved.</param>
    /// <param name="haste">By how much the inverter's silences are shorter than real ones.</param>
    /// <param name="readerWaits">False: the reader's patience ends when <see cref="LosesPatienceAsync"/> says so.</param>
    public static Bench Start(string start, Simulated? options = null, int haste = 1, bool readerWaits = true) =>
        new(options ?? new(), DateTimeOffset.Parse(start), haste, readerWaits);

    public Bench With(params ReadOnlySpan<string> faults)
    {
        Inverter.Faults.Set(faults);
        return this;
    }

    /// <summary>Moves simulated time on.</summary>
    public void Pass(TimeSpan time) => _simulatorTime.Elapsed += time;

    public async Task<PollResult> PollAsync()
    {
        var polling = _reader.PollAsync(TestContext.Current.CancellationToken);
        if (_readerTime is not null)
        {
            await _readerTime.SkipPausesAsync(polling);
        }

        return await polling;
    }

    public async Task<Polled> PollsAsync() => Assert.IsType<Polled>(await PollAsync());

    public async Task<Unreachable> FailsAsync() => Assert.IsType<Unreachable>(await PollAsync());

    /// <summary>A poll that is answered by silence, until the reader has waited for long enough.</summary>
    public async Task<Unreachable> LosesPatienceAsync()
    {
        var polling = _reader.PollAsync(TestContext.Current.CancellationToken);
        while (!polling.IsCompleted)
        {
            // The reader sets its timers in its own time: whichever it has set by now, run out.
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, TestContext.Current.CancellationToken);
            _readerTime!.Advance(TimeSpan.FromSeconds(61));
        }

        return Assert.IsType<Unreachable>(await polling);
    }

    /// <summary>Polls until one succeeds, as the poll loop would.</summary>
    public async Task<Polled> RecoversAsync()
    {
        PollResult result;
        do
        {
            result = await PollAsync();
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        }
        while (result is not Polled);

        return (Polled)result;
    }

    public DateTimeOffset Now => _start + _simulatorTime.Elapsed;

    /// <summary>What the simulated day has at this moment, by the names of the wire.</summary>
    public Reading Truth()
    {
        var truth = Inverter.At(Now);
        return new(
            Value(Metric.PvPower), Value(Metric.PvDaily), Value(Metric.BatteryPower), Value(Metric.BatterySoc),
            Value(Metric.BatteryTemperature), Value(Metric.LoadPower), Value(Metric.ExportPower));

        double Value(Metric metric) => (double)metric.Value(truth);
    }

    public async ValueTask DisposeAsync()
    {
        await _reader.DisposeAsync();
        await Inverter.DisposeAsync();
    }
}
