using Sungrow.Protocol;

namespace Sungrow.Edge.Polling;

/// <summary>A time without samples. Its ends are uptimes, which no clock setting moves; <see cref="BootedAt"/> makes times of them.</summary>
internal sealed class TrackedGap(string reason, TimeSpan begun, long missed)
{
    public string Reason => reason;

    public TimeSpan Begun => begun;

    public TimeSpan? Ended { get; set; }

    /// <summary>Polls that did not become samples.</summary>
    public long Missed { get; set; } = missed;

    /// <summary>By the clock that was trusted then; null while none is.</summary>
    public DateTimeOffset? BootedAt { get; set; }

    /// <summary>Its number in the buffer, once it is there.</summary>
    public long? Id { get; set; }

    public DateTimeOffset? From => BootedAt + begun;

    public DateTimeOffset? To => BootedAt + (Ended < begun ? begun : Ended);
}

/// <summary>Makes gaps of polls that brought nothing. Pure: it is told what happened and when, by uptime.
/// Polls missed in a row for one reason are one gap; it ends with the first poll that succeeds, or that fails for another reason. What the
/// buffer could not take is tracked apart from what the inverter did not serve. A clock that is set cuts an open gap in two, each told
/// by its own clock.</summary>
internal sealed class GapTracker(TimeSpan interval)
{
    // Of what could not be written: a broken disk must not fill the memory.
    private const int MostUnwritten = 1000;

    private readonly List<TrackedGap> _gaps = [];
    private TrackedGap? _unread;
    private TrackedGap? _unwritten;
    private DateTimeOffset? _bootedAt;

    /// <summary>Oldest first: those that are open, and those whose end is not written yet.</summary>
    public IReadOnlyList<TrackedGap> Gaps => _gaps;

    /// <summary>When the machine booted by a clock that is trusted, or null. Gaps that had no times get theirs.</summary>
    public void Know(DateTimeOffset? bootedAt)
    {
        _bootedAt = bootedAt;
        foreach (var gap in _gaps)
        {
            gap.BootedAt ??= bootedAt;
        }
    }

    /// <summary>The clock was set. Where it skipped moments of the schedule, they are a gap: nobody was polled at times that never were.</summary>
    /// <param name="last">Of the last poll, told by the clock before.</param>
    /// <param name="now">Of this one.</param>
    /// <param name="bootedAt">By the clock as it is now, or null when that is not trusted.</param>
    public void Stepped(TimeSpan last, TimeSpan now, DateTimeOffset? bootedAt)
    {
        var (before, unread, unwritten) = (_bootedAt, _unread, _unwritten);
        End(ref _unread, now);
        End(ref _unwritten, now);
        if (before is { } old && bootedAt is { } current)
        {
            Whole(GapReasons.Clock, old + last + interval - current, now, current);
        }

        Know(bootedAt);
        _unread = unread is null ? null : Begin(new(unread.Reason, now, 0));
        _unwritten = unwritten is null ? null : Begin(new(unwritten.Reason, now, 0));
    }

    /// <summary>Polls that failed or did not take place.</summary>
    /// <param name="at">The first of them.</param>
    public void Missed(TimeSpan at, string reason, long polls)
    {
        ref var current = ref reason == GapReasons.BufferUnavailable ? ref _unwritten : ref _unread;
        if (current is not null && current.Reason == reason)
        {
            current.Missed += polls;
            return;
        }

        End(ref current, at);
        current = Begin(new(reason, at, polls));
    }

    /// <summary>A poll brought a reading.</summary>
    public void Polled(TimeSpan at) => End(ref _unread, at);

    /// <summary>The buffer took a row.</summary>
    /// <param name="at">Its first poll.</param>
    public void Stored(TimeSpan at) => End(ref _unwritten, at);

    /// <summary>A gap that is known when it is over; none where no moment of the schedule was missed.</summary>
    public void Whole(string reason, TimeSpan begun, TimeSpan ended, DateTimeOffset bootedAt)
    {
        var missed = (ended - begun).Ticks / interval.Ticks;
        if (missed > 0)
        {
            Begin(new(reason, begun, missed) { Ended = ended, BootedAt = bootedAt });
        }
    }

    /// <summary>Goes on with a gap that the last run left open, up to where this one's own begins.</summary>
    public void Adopt(TrackedGap gap)
    {
        ref var current = ref gap.Reason == GapReasons.BufferUnavailable ? ref _unwritten : ref _unread;
        gap.Ended = current?.Begun;
        current ??= gap;
        _gaps.Add(gap);
    }

    /// <summary>Ends a gap that the last run left open.</summary>
    public void Close(TrackedGap gap) => _gaps.Add(gap);

    /// <summary>It is in the buffer with its end.</summary>
    public void Written(TrackedGap gap) => _gaps.Remove(gap);

    private void End(ref TrackedGap? current, TimeSpan at)
    {
        if (current is null)
        {
            return;
        }

        current.Ended = at;
        if (current is { Missed: 0, Id: null })
        {
            _gaps.Remove(current); // Begun by a clock's step, and no poll was missed since.
        }

        current = null;
    }

    private TrackedGap Begin(TrackedGap gap)
    {
        gap.BootedAt ??= _bootedAt;
        _gaps.Add(gap);
        if (_gaps.Count > MostUnwritten && _gaps.FindAll(old => old.Ended is not null) is [var first, var second, ..])
        {
            // The two oldest become one; what lies between them was not missed, and is not counted so.
            first.Missed += second.Missed;
            first.Ended = second.Ended;
            _gaps.Remove(second);
        }

        return gap;
    }
}
