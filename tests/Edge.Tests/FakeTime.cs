namespace Sungrow.Edge.Tests;

/// <summary>A clock that a test moves. The wall clock may also step, which no timer notices.</summary>
internal sealed class FakeTime(DateTimeOffset start) : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<Timer> _timers = [];
    private DateTimeOffset _now = start;
    private long _timestamp;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>Timers that wait: a test moves the time when the code under test has set the one it is about.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
            {
                return _timers.Count;
            }
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
        {
            return _now;
        }
    }

    public override long GetTimestamp()
    {
        lock (_gate)
        {
            return _timestamp;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Lets time pass: timers fire in their order, each at its own moment.</summary>
    public void Advance(TimeSpan span)
    {
        var end = GetTimestamp() + span.Ticks;
        while (TakeNext(end) is { } due)
        {
            due.Fire();
        }
    }

    /// <summary>Lets time pass in one leap, as for a process that was stopped: timers that fell due fire at its end.</summary>
    public void Jump(TimeSpan span)
    {
        lock (_gate)
        {
            _now += span;
            _timestamp += span.Ticks;
        }

        Advance(TimeSpan.Zero);
    }

    /// <summary>Sets the wall clock to another time, as a time server does.</summary>
    public void Step(TimeSpan by)
    {
        lock (_gate)
        {
            _now += by;
        }
    }

    private Timer? TakeNext(long end)
    {
        lock (_gate)
        {
            var next = _timers.Where(timer => timer.Due <= end).MinBy(timer => timer.Due);
            var moment = Math.Max(next?.Due ?? end, _timestamp);
            _now += TimeSpan.FromTicks(moment - _timestamp);
            _timestamp = moment;
            next?.Elapse();
            return next;
        }
    }

    private sealed class Timer(FakeTime time, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;

        public long Due { get; private set; }

        public void Fire() => callback(state);

        public void Elapse()
        {
            Due += _period.Ticks;
            if (_period <= TimeSpan.Zero)
            {
                time._timers.Remove(this);
            }
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._gate)
            {
                time._timers.Remove(this);
                _period = period;
                if (dueTime >= TimeSpan.Zero)
                {
                    Due = time._timestamp + dueTime.Ticks;
                    time._timers.Add(this);
                }

                return true;
            }
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
