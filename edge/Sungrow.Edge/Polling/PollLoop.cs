using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Inverter;
using Sungrow.Protocol;

namespace Sungrow.Edge.Polling;

/// <summary>Reads the inverter at each moment of the schedule and appends what it served, for ever.
/// Invariants: one poll at a time; a poll that fails appends nothing; nothing here waits for the uplink. At shutdown a poll under way is
/// abandoned, and a row begun is appended with the polls it has.</summary>
internal sealed class PollLoop(
    InverterReader reader,
    SampleBuffer buffer,
    PollStatus status,
    IOptions<PollingOptions> polling,
    IOptions<DeviceOptions> device,
    TimeProvider time,
    EdgeMetrics metrics,
    ILogger<PollLoop> logger) : BackgroundService
{
    private readonly PollSchedule _schedule = new(polling.Value.Interval);
    private readonly RowAverage _row = new(polling.Value.SamplesPerRow, polling.Value.Interval);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                var wait = _schedule.Next(time.GetUtcNow(), Clock.Uptime(time), out var skipped);
                metrics.Skipped(skipped);
                await Task.Delay(wait, time, stoppingToken);
                await PollOnceAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            if (_row.Flush() is { } begun)
            {
                Append(begun);
            }
        }
    }

    private async Task PollOnceAsync(CancellationToken stoppingToken)
    {
        var ts = WholeMilliseconds(time.GetUtcNow());
        var uptime = Clock.Uptime(time);
        if (_row.TakeIfOver(uptime) is { } over)
        {
            Append(over);
        }

        switch (await reader.PollAsync(stoppingToken))
        {
            case Polled polled:
                Take(polled, ts, uptime);
                break;

            case Unreachable unreachable:
                Failed(unreachable.Sentence);
                break;
        }
    }

    private void Take(Polled polled, DateTimeOffset ts, TimeSpan uptime)
    {
        var deviceId = device.Value.Id ?? polled.Identity.Serial;
        if (!DeviceIds.IsWellFormed(deviceId))
        {
            Failed("the inverter's serial number cannot be a device id: set Device__Id.");
            return;
        }

        if (polled.Reading.IsEmpty)
        {
            Failed("the inverter answered, but with no value at all.");
            return;
        }

        if (status.Succeeded(polled.Identity, ts))
        {
            Log.InverterReached(logger, polled.Identity.Model, polled.Identity.Serial);
        }

        metrics.Polled(polled.Impossible.Count);
        foreach (var sample in _row.Add(deviceId, ts, uptime, polled.Reading))
        {
            Append(sample);
        }
    }

    private void Failed(string sentence)
    {
        metrics.PollFailed();
        if (status.Failed(sentence))
        {
            Log.InverterUnreachable(logger, sentence);
        }
    }

    private void Append(NewSample sample)
    {
        try
        {
            buffer.Append(sample);
            metrics.Committed();
        }
        catch (SqliteException broken)
        {
            // The transaction is undone and the buffer as it was: this sample is lost, counted, and the next may find room again.
            metrics.AppendFailed();
            Log.AppendFailed(logger, broken.SqliteErrorCode, broken.Message);
        }
    }

    private static DateTimeOffset WholeMilliseconds(DateTimeOffset now) =>
        new(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero);
}
