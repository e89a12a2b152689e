using System.Diagnostics.Metrics;
using System.Reflection;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Polling;

namespace Sungrow.Edge.Metrics;

/// <summary>What is so now, looked up when somebody asks. Only made where somebody may.</summary>
internal sealed class EdgeGauges : IDisposable
{
    private readonly Meter _meter = new(EdgeMetrics.MeterName);

    public EdgeGauges(SampleBuffer buffer, PollStatus poll, ClockTrust clock, TimeProvider time)
    {
        var version = Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        Gauge("sungrow_edge_info", "1, with the version.", () => [new(1, Label("version", version))]);
        Gauge("sungrow_edge_resident_bytes", "Resident memory of the process.", () => [new(Environment.WorkingSet)]);
        Gauge("sungrow_edge_inverter_reachable", "1 while the inverter is read.", () => [new(poll.Now.Reachable ? 1 : 0)]);
        Gauge("sungrow_edge_clock_trusted", "1 while somebody vouches for the clock.", () => [new(clock.IsTrusted() ? 1 : 0)]);
        Gauge("sungrow_edge_last_poll_timestamp_seconds", "When the inverter was last read; absent until a trusted clock knows.",
            () => poll.Now.LastPoll is { } last ? [new(Seconds(last))] : []);
        Gauge("sungrow_edge_buffer_available", "0 while the buffer cannot be read.", () => [new(Read(buffer) is null ? 0 : 1)]);
        Gauge("sungrow_edge_rows", "Rows by what became of them, as the balance counts: committed = acknowledged + waiting + dead_lettered "
            + "+ evicted; held are among those that wait.", () => Read(buffer) is not { } state ? [] :
            [
                new(state.Committed, Label("state", "committed")),
                new(state.Acknowledged, Label("state", "acknowledged")),
                new(state.Waiting, Label("state", "waiting")),
                new(state.Held, Label("state", "held")),
                new(state.DeadLettered, Label("state", "dead_lettered")),
                new(state.Evicted, Label("state", "evicted")),
            ]);
        Gauge("sungrow_edge_oldest_waiting_age_seconds", "How long the oldest row has waited; absent while none does.",
            () => Read(buffer)?.OldestWaiting is { } oldest ? [new((time.GetUtcNow() - oldest).TotalSeconds)] : []);
        Gauge("sungrow_edge_buffer_bytes", "Size of the buffer's file.", () => Read(buffer) is { } state ? [new(state.FileBytes)] : []);
        Gauge("sungrow_edge_brake", "1 while dead-lettering is stopped, with the server's code.",
            () => Read(buffer)?.Brake is { } brake ? [new(1, Label("code", brake.Code))] : []);
    }

    public void Dispose() => _meter.Dispose();

    private void Gauge(string name, string description, Func<IEnumerable<Measurement<double>>> observe) =>
        _meter.CreateObservableGauge(name, observe, description: description);

    private static BufferState? Read(SampleBuffer buffer)
    {
        try
        {
            return buffer.ReadState();
        }
        catch (BufferUnavailableException)
        {
            return null; // Its own gauge says so; the loops log it.
        }
    }

    private static KeyValuePair<string, object?> Label(string name, string value) => new(name, value);

    private static double Seconds(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).TotalSeconds;
}
