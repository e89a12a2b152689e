using System.Diagnostics.Metrics;
using Sungrow.Edge.Inverter;

namespace Sungrow.Edge;

/// <summary>What the daemon counts, as verbs; the instruments are those of the meter "Sungrow.Edge".</summary>
internal sealed class EdgeMetrics : IDisposable
{
    public const string MeterName = "Sungrow.Edge";

    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _polls;
    private readonly Counter<long> _impossible;
    private readonly Histogram<double> _blockSeconds;
    private readonly Counter<long> _blockErrors;
    private readonly Counter<long> _doubted;
    private readonly Counter<long> _committed;
    private readonly Counter<long> _delivered;
    private readonly Counter<long> _sends;
    private readonly Counter<long> _deadLettered;
    private readonly Counter<long> _held;
    private long _polled;
    private long _failed;
    private long _skipped;

    public EdgeMetrics()
    {
        _polls = _meter.CreateCounter<long>("sungrow_edge_polls", description: "Polls by result: ok, skipped, or why there is no reading.");
        _impossible = _meter.CreateCounter<long>("sungrow_edge_impossible_values", description: "Values left out as impossible.");
        _blockSeconds = _meter.CreateHistogram<double>(
            "sungrow_edge_block_seconds", unit: "s", description: "Round trip of each request that the inverter answered, by block.");
        _blockErrors = _meter.CreateCounter<long>(
            "sungrow_edge_block_errors", description: "Requests that brought no registers, by block and what came instead.");
        _doubted = _meter.CreateCounter<long>(
            "sungrow_edge_daily_counter_doubted", description: "Polls whose daily PV counter the total one did not confirm.");
        _committed = _meter.CreateCounter<long>("sungrow_edge_samples_committed", description: "Samples by result: ok, failed.");
        _delivered = _meter.CreateCounter<long>("sungrow_edge_samples_delivered", description: "Samples the server answered for, by kind.");
        _sends = _meter.CreateCounter<long>("sungrow_edge_sends", description: "Batches sent, by lane and what the answer led to.");
        _deadLettered = _meter.CreateCounter<long>(
            "sungrow_edge_samples_dead_lettered", description: "Samples that the server refused for good, by its code.");
        _held = _meter.CreateCounter<long>(
            "sungrow_edge_samples_held", description: "Samples set aside until the server's clock reaches them.");
    }

    /// <summary>Polls that gave a reading since the start.</summary>
    public long PolledSoFar => Interlocked.Read(ref _polled);

    /// <summary>Moments of the schedule without a reading since the start.</summary>
    public long MissedSoFar => Interlocked.Read(ref _failed) + Interlocked.Read(ref _skipped);

    /// <param name="impossibleValues">Values left out because no inverter can have them.</param>
    public void Polled(int impossibleValues)
    {
        Interlocked.Increment(ref _polled);
        _impossible.Add(impossibleValues);
        _polls.Add(1, new KeyValuePair<string, object?>("result", "ok"));
    }

    public void DailyCounterDoubted() => _doubted.Add(1);

    /// <param name="result">A word of the report's gaps: inverter_unreachable, bad_read, night, contention.</param>
    public void PollFailed(string result)
    {
        Interlocked.Increment(ref _failed);
        _polls.Add(1, new KeyValuePair<string, object?>("result", result));
    }

    public void BlockAsked(BlockAnswer answer)
    {
        var block = new KeyValuePair<string, object?>("block", answer.Block.Name);
        if (answer.Failure is null)
        {
            _blockSeconds.Record(answer.Took.TotalSeconds, block);
        }

        var error = answer.Failure?.ToString() ?? (answer.Refusal is { } code ? ModbusException.NameOf(code) : null);
        if (error is not null)
        {
            _blockErrors.Add(1, block, new KeyValuePair<string, object?>("error", error));
        }
    }

    public void Skipped(long moments)
    {
        Interlocked.Add(ref _skipped, moments);
        _polls.Add(moments, new KeyValuePair<string, object?>("result", "skipped"));
    }

    public void Committed() => _committed.Add(1, new KeyValuePair<string, object?>("result", "ok"));

    public void AppendFailed() => _committed.Add(1, new KeyValuePair<string, object?>("result", "failed"));

    public void Delivered(int inserted, int duplicates, int conflicts)
    {
        _delivered.Add(inserted, new KeyValuePair<string, object?>("kind", "inserted"));
        _delivered.Add(duplicates, new KeyValuePair<string, object?>("kind", "duplicate"));
        _delivered.Add(conflicts, new KeyValuePair<string, object?>("kind", "conflict"));
    }

    /// <param name="lane">backlog, live.</param>
    /// <param name="outcome">The word of the decision: ok, bad_rows, later, rate_limited ..</param>
    public void Sent(string lane, string outcome) =>
        _sends.Add(1, new KeyValuePair<string, object?>("lane", lane), new KeyValuePair<string, object?>("result", outcome));

    public void DeadLettered(int samples, string code) => _deadLettered.Add(samples, new KeyValuePair<string, object?>("code", code));

    public void Held(int samples) => _held.Add(samples);

    public void Dispose() => _meter.Dispose();
}
