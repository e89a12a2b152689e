using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Protocol;

namespace Sungrow.Edge.Polling;

/// <summary>Writes the tracker's gaps into the buffer: when one begins, when it ends, and every few minutes how many polls it has cost by
/// then, so that a killed process leaves an account that the next one goes on with.</summary>
internal sealed class GapBook(SampleBuffer buffer, IOptions<PollingOptions> polling)
{
    private static readonly TimeSpan Often = TimeSpan.FromMinutes(5);

    // A clock that leaps and comes back more often has other troubles.
    private const int MostLeaps = 100;

    private readonly TimeSpan _interval = polling.Value.Interval;
    private readonly List<Leap> _leaps = [];
    private LastRun? _last;
    private TimeSpan? _firstPoll;
    private TimeSpan? _polled;
    private TimeSpan _written;
    private DateTimeOffset? _now;

    public GapTracker Tracker { get; } = new(polling.Value.Interval);

    /// <summary>Before the first poll appends anything: what the last run has left.</summary>
    public void Open()
    {
        try
        {
            var untimed = buffer.ReadState().Untimed > 0;
            var lostItsTimes = buffer.UnreportedMissing(ProtocolLimits.MaxReportEntries)
                .Any(range => range.Reason == MissingReasons.DeadLettered && range.From is null);
            _last = new(buffer.NewestTs, [.. buffer.OpenGaps()], untimed, lostItsTimes);
        }
        catch (BufferUnavailableException)
        {
            // Then this time is unexplained; the poll loop says that the buffer cannot be used.
        }
    }

    /// <summary>At the begin of each poll: what its time says of the time before.</summary>
    public void Begin(Moment moment)
    {
        if (moment.Stepped == TimeSpan.Zero)
        {
            Tracker.Know(moment.BootedAt);
        }
        else
        {
            Tracker.Stepped(_polled ?? moment.Uptime, moment.Uptime, moment.BootedAt);
            _now = moment.BootedAt + moment.Uptime;
        }

        _firstPoll ??= moment.Uptime;
        _polled = moment.Uptime;
        if (moment.BootedAt is { } bootedAt && _last is { } last)
        {
            _last = null;
            Follow(last, bootedAt);
        }
    }

    /// <summary>The gap between the last run and this one, once the time is known.</summary>
    private void Follow(LastRun last, DateTimeOffset bootedAt)
    {
        // Rows without a time show that this boot was polled before: then nobody polled until it began, and no longer.
        var ended = last.HasUntimed ? TimeSpan.Zero : _firstPoll!.Value;
        var alive = last.NewestTs + _interval;
        foreach (var open in last.OpenGaps)
        {
            // It was written last when it had cost so many polls.
            var known = open.From + (_interval * open.Missed);
            alive = alive > known ? alive : known;
        }

        foreach (var open in last.OpenGaps)
        {
            var gap = new TrackedGap(open.Reason, open.From - bootedAt, open.Missed) { BootedAt = bootedAt, Id = open.Id };
            if (bootedAt + ended - alive < _interval)
            {
                Tracker.Adopt(gap);
                continue;
            }

            gap.Ended = alive - bootedAt;
            Tracker.Close(gap);
        }

        if (alive is { } since)
        {
            Tracker.Whole(last.LostItsTimes ? GapReasons.Clock : GapReasons.EdgeOff, since - bootedAt, ended, bootedAt);
        }
    }

    /// <param name="atStop">Also what would have time.</param>
    public void Write(TimeSpan uptime, bool atStop = false)
    {
        var isDue = atStop || uptime - _written >= Often;
        try
        {
            foreach (var gap in Tracker.Gaps.Where(gap => gap.BootedAt is not null).ToList())
            {
                var isNew = gap.Id is null;
                gap.Id ??= buffer.OpenGap(gap.From!.Value, gap.Reason, gap.Missed).Id;
                if (gap.Ended is not null)
                {
                    buffer.UpdateGap(gap.Id.Value, gap.To, gap.Missed);
                    Tracker.Written(gap);
                    Remember(gap);
                }
                else if (isDue && !isNew)
                {
                    buffer.UpdateGap(gap.Id.Value, null, gap.Missed);
                }
            }

            TakeBackLeaps();
            _written = isDue ? uptime : _written;
        }
        catch (BufferUnavailableException)
        {
            // Kept in memory, and written when the buffer is back.
        }
    }

    private void Remember(TrackedGap gap)
    {
        if (gap.Reason == GapReasons.Clock)
        {
            _leaps.Add(new(gap.Id!.Value, gap.From!.Value, gap.To!.Value));
            if (_leaps.Count > MostLeaps)
            {
                _leaps.RemoveAt(0);
            }
        }
    }

    /// <summary>A leap into a time that has not come yet was no gap: the clock was set back from it, and that time is polled after all.</summary>
    private void TakeBackLeaps()
    {
        foreach (var leap in _leaps.Where(leap => leap.To > _now).ToList())
        {
            buffer.UpdateGap(leap.Id, leap.From, 0);
            _leaps.Remove(leap);
        }

        _now = null;
    }

    private readonly record struct Leap(long Id, DateTimeOffset From, DateTimeOffset To);

    /// <param name="HasUntimed">Rows of this boot wait for a time: an earlier process of this boot polled.</param>
    /// <param name="LostItsTimes">Rows of an earlier boot never got one.</param>
    private sealed record LastRun(DateTimeOffset? NewestTs, IReadOnlyList<Gap> OpenGaps, bool HasUntimed, bool LostItsTimes);
}
