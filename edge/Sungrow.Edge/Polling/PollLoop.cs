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
    SampleClock clock,
    GapBook gaps,
    TimeProvider time,
    EdgeMetrics metrics,
    ILogger<PollLoop> logger,
    Liveness? liveness = null) : BackgroundService
{
    private readonly TimeSpan _interval = polling.Value.Interval;
    private readonly PollSchedule _schedule = new(polling.Value.Interval);
    private readonly RowAverage _row = new(polling.Value.SamplesPerRow, polling.Value.Interval);

    private (InverterIdentity Inverter, double? PvWatts, TimeSpan At)? _last;
    private bool _isNight;

    // Why the last poll brought nothing; null: it did not.
    private string? _failure;
    private TimeSpan _pollTook;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        gaps.Open();
        try
        {
            while (true)
            {
                await WaitForNextAsync(stoppingToken);
                await PollOnceAsync(stoppingToken);
                gaps.Write(Clock.Uptime(time));
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            EndRow();
            dailyCounter.Keep();
            gaps.Write(Clock.Uptime(time), atStop: true);
        }
    }

    private Task WaitForNextAsync(CancellationToken stoppingToken)
    {
        var uptime = Clock.Uptime(time);
        var wait = _schedule.Next(time.GetUtcNow(), uptime, out var skipped);
        if (skipped > 0)
        {
            // An inverter that keeps a poll waiting is as good as away; otherwise the process itself did not run.
            gaps.Tracker.Missed(
                uptime + wait - (_interval * skipped),
                _pollTook < _interval ? GapReasons.EdgeOff : _failure ?? GapReasons.InverterUnreachable,
                skipped);
            metrics.Skipped(skipped);
        }

        liveness?.Expect("polling", wait + reader.LongestPoll);
        return Task.Delay(wait, time, stoppingToken);
    }

    private async Task PollOnceAsync(CancellationToken stoppingToken)
    {
        var moment = clock.Look();
        gaps.Begin(moment);
        var (ts, uptime) = (moment.Ts, moment.Uptime);
        if (_row.TakeIfOver(uptime) is { } over)
        {
            Append(over);
        }

        var result = await reader.PollAsync(stoppingToken);
        _pollTook = Clock.Uptime(time) - uptime;
        foreach (var answer in result.Blocks)
        {
            metrics.BlockAsked(answer);
        }

        switch (result)
        {
            case Polled polled when ownership.Refuse(polled.Identity) is { } sentence:
                // The row begun is the other inverter's: it ends here, also if this one is accepted later under the same id.
                EndRow();
                Failed(uptime, sentence, GapReasons.BadRead);
                break;

            case Polled polled:
                Take(polled, ts, uptime);
                break;

            // Only a trusted clock knows that it is night.
            case Unreachable unreachable when ts is { } known && Night.Explains(
                unreachable.Reason,
                _last is { } last ? (last.Inverter, last.PvWatts) : null,
                uptime - (_last?.At ?? default),
                dailyCounter.LocalTime(known)):
                Miss(uptime, GapReasons.Night);
                if (!_isNight)
                {
                    status.Failed(unreachable.Sentence);
                    Log.InverterAsleep(logger, unreachable.Sentence);
                    _isNight = true;
                }

                break;

            case Unreachable unreachable:
                Failed(
                    uptime,
                    unreachable.Sentence,
                    unreachable.Reason == UnreachableReason.Contention ? GapReasons.Contention : GapReasons.InverterUnreachable);
                break;
        }
    }

    private void Take(Polled polled, DateTimeOffset? ts, TimeSpan uptime)
    {
        var newDay = false;
        // Without a time nobody knows which day's counter it is.
        var reading = ts is { } known ? dailyCounter.Guard(polled, known, out newDay) : polled.Reading with { PvDailyKwh = null };
        if (newDay)
        {
            _row.ForgetDailyCounter();
        }

        if (reading.IsEmpty)
        {
            Failed(uptime, "the inverter answered, but with no value at all.", GapReasons.BadRead);
            return;
        }

        if (status.Succeeded(polled.Identity, ts))
        {
            Log.InverterReached(logger, polled.Identity.Model, polled.Identity.Serial);
        }

        _last = (polled.Identity, reading.PvPowerWatts, uptime);
        _isNight = false;
        _failure = null;
        gaps.Tracker.Polled(uptime);
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
    private void Failed(TimeSpan uptime, string sentence, string reason)
    {
        _isNight = false;
        Miss(uptime, reason);
        if (status.Failed(sentence))
        {
            Log.InverterUnreachable(logger, sentence);
        }
    }

    private void Miss(TimeSpan uptime, string reason)
    {
        _failure = reason;
        gaps.Tracker.Missed(uptime, reason, polls: 1);
        metrics.PollFailed(reason);
    }

    private void Append(NewSample sample)
    {
        var firstPoll = sample.Uptime - (_interval * (sample.SampleCount - 1));
        try
        {
            buffer.Append(sample);
        }
        catch (BufferUnavailableException unavailable)
        {
            // Nothing was stored: these polls are lost, counted and reported, and the next row may find the buffer whole again.
            gaps.Tracker.Missed(firstPoll, GapReasons.BufferUnavailable, sample.SampleCount);
            metrics.AppendFailed();
            Log.AppendFailed(logger, unavailable.Message);
            return;
        }

        gaps.Tracker.Stored(firstPoll);
        metrics.Committed();
        if (sample.Ts is null)
        {
            clock.Owe();
        }
    }
}
