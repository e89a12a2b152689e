using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Inverter;
using Sungrow.Protocol;

namespace Sungrow.Edge.Polling;

/// <summary>Reads the inverter at each moment of the schedule and appends what it served, for ever.
/// Invariants: one poll at a time; a poll that fails appends nothing; a row holds polls of one inverter; nothing here waits for the uplink.
/// At shutdown a poll under way is abandoned, and a row begun is appended with the polls it has.</summary>
internal sealed class PollLoop(
    InverterReader reader,
    SampleBuffer buffer,
    PollStatus status,
    IOptions<PollingOptions> polling,
    Ownership ownership,
    DailyCounter dailyCounter,
    TimeProvider time,
    EdgeMetrics metrics,
    ILogger<PollLoop> logger) : BackgroundService
{
    private readonly PollSchedule _schedule = new(polling.Value.Interval);
    private readonly RowAverage _row = new(polling.Value.SamplesPerRow, polling.Value.Interval);

    private (InverterIdentity Inverter, double? PvWatts, TimeSpan At)? _last;
    private bool _isNight;

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
            EndRow();
            dailyCounter.Keep();
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

        var result = await reader.PollAsync(stoppingToken);
        foreach (var answer in result.Blocks)
        {
            metrics.BlockAsked(answer);
        }

        switch (result)
        {
            case Polled polled when ownership.Refuse(polled.Identity) is { } sentence:
                // The row begun is the other inverter's: it ends here, also if this one is accepted later under the same id.
                EndRow();
                Failed(sentence, GapReasons.BadRead);
                break;

            case Polled polled:
                Take(polled, ts, uptime);
                break;

            case Unreachable unreachable when Night.Explains(
                unreachable.Reason, _last is { } last ? (last.Inverter, last.PvWatts) : null, uptime - (_last?.At ?? default), dailyCounter.LocalTime(ts)):
                metrics.PollFailed(GapReasons.Night);
                if (!_isNight)
                {
                    status.Failed(unreachable.Sentence);
                    Log.InverterAsleep(logger, unreachable.Sentence);
                    _isNight = true;
                }

                break;

            case Unreachable unreachable:
                Failed(unreachable.Sentence, unreachable.Reason == UnreachableReason.Contention ? GapReasons.Contention : GapReasons.InverterUnreachable);
                break;
        }
    }

    private void Take(Polled polled, DateTimeOffset ts, TimeSpan uptime)
    {
        var reading = dailyCounter.Guard(polled, ts, out var newDay);
        if (newDay)
        {
            _row.ForgetDailyCounter();
        }

        if (reading.IsEmpty)
        {
            Failed("the inverter answered, but with no value at all.", GapReasons.BadRead);
            return;
        }

        if (status.Succeeded(polled.Identity, ts))
        {
            Log.InverterReached(logger, polled.Identity.Model, polled.Identity.Serial);
        }

        _last = (polled.Identity, reading.PvPowerWatts, uptime);
        _isNight = false;
        metrics.Polled(polled.Impossible.Count);
        foreach (var sample in _row.Add(ownership.DeviceIdOf(polled.Identity), ts, uptime, reading))
        {
            Append(sample);
        }
    }

    private void EndRow()
    {
        if (_row.Flush() is { } begun)
        {
            Append(begun);
        }
    }

    /// <param name="reason">A word of the report's gaps.</param>
    private void Failed(string sentence, string reason)
    {
        _isNight = false;
        metrics.PollFailed(reason);
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
