using Microsoft.Extensions.Logging;
using Sungrow.Edge.Buffer;

namespace Sungrow.Edge.Polling;

/// <summary>The start of a poll.</summary>
/// <param name="Ts">In whole milliseconds, plus the clock's epoch in microseconds; null while the clock is not trusted.</param>
/// <param name="BootedAt">By the trusted clock, else null.</param>
/// <param name="Stepped">By how much the clock was set since the poll before.</param>
internal readonly record struct Moment(TimeSpan Uptime, DateTimeOffset? Ts, DateTimeOffset? BootedAt, TimeSpan Stepped);

/// <summary>Stamps samples, and gives those that could not be stamped their time when trust comes.
/// Invariants: no two samples get one time, since a clock that may tell a time again begins a new epoch first, and the epoch, modulo 1000,
/// is the time's microseconds; while the epoch cannot be kept nothing is stamped. Safe for polling and uplink together.</summary>
internal sealed class SampleClock(SampleBuffer buffer, ClockTrust trust, TimeProvider time, ILogger<SampleClock> logger)
{
    private const int Epochs = 1000;
    private const int Retimes = 2;

    // What the server allows, and more than any tolerance here: a row further ahead was stamped by a clock that was wrong.
    private static readonly TimeSpan Ahead = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly ClockSteps _steps = new();

    // Of what the last run left nothing is known: the first trusted moment begins an epoch where the buffer has rows it could meet.
    private DateTimeOffset _latest = DateTimeOffset.MinValue;
    private bool _isTrusted;
    private bool _owesTimes = true;
    private bool _needsEpoch;

    // So many more polls find rows that a clock stamped before it was set back: one may have been under way.
    private int _retimes;

    // Kept here: a buffer that cannot be used must not keep a poll from being made.
    private int? _epoch;
    private TimeSpan _stepped;

    /// <summary>The moment that a poll begins.</summary>
    public Moment Look()
    {
        lock (_gate)
        {
            var (now, uptime, bootedAt) = Tend(isPoll: true);
            var stepped = _stepped;
            _stepped = TimeSpan.Zero;
            if (bootedAt is null)
            {
                return new(uptime, null, null, stepped);
            }

            _latest = now;
            return new(uptime, Stamp(now), bootedAt, stepped);
        }
    }

    /// <summary>Looks whether trust has come, and gives out times if so.</summary>
    /// <returns>Whether the clock is trusted.</returns>
    public bool IsTrusted()
    {
        lock (_gate)
        {
            return Tend(isPoll: false).BootedAt is not null;
        }
    }

    /// <summary>A row without a time was appended.</summary>
    public void Owe()
    {
        lock (_gate)
        {
            _owesTimes = true;
        }
    }

    private (DateTimeOffset Now, TimeSpan Uptime, DateTimeOffset? BootedAt) Tend(bool isPoll)
    {
        var (now, uptime) = (time.GetUtcNow(), Clock.Uptime(time));
        var step = _steps.Look(now, uptime);
        _stepped += step;
        if (step != TimeSpan.Zero)
        {
            Log.ClockWasSet(logger, step);
        }

        if (step < TimeSpan.Zero)
        {
            _retimes = Retimes;
            _needsEpoch = true;
        }

        if (!trust.IsTrusted())
        {
            if (_isTrusted)
            {
                Log.ClockNotTrusted(logger);
            }

            _isTrusted = false;
            return (now, uptime, null);
        }

        try
        {
            Trust(now, now - uptime, isPoll);
            return (now, uptime, now - uptime);
        }
        catch (BufferUnavailableException)
        {
            // Nothing can be appended now either, and the poll loop says so; until the buffer is back samples have no time.
            return (now, uptime, null);
        }
    }

    private void Trust(DateTimeOffset now, DateTimeOffset bootedAt, bool isPoll)
    {
        if (!_isTrusted)
        {
            // From here on a time may come that an earlier run or boot has used; and that run may have ended before its clock was right.
            var state = buffer.ReadState();
            _owesTimes = state.Untimed > 0;
            _retimes = state.Held > 0 || state.NewestSample > now + Ahead ? Retimes : _retimes;
            _needsEpoch |= _owesTimes || _retimes > 0 || now <= state.NewestSample;
        }

        // A clock may be set back by so little that nobody sees it.
        _needsEpoch |= WholeMilliseconds(now) <= WholeMilliseconds(_latest) || _owesTimes;
        if (_needsEpoch)
        {
            _epoch = buffer.NextClockEpoch();
            _needsEpoch = false;
        }

        _epoch ??= buffer.ClockEpoch;

        if (_owesTimes)
        {
            Log.TimesAssigned(logger, buffer.AssignTimes(bootedAt, Epoch));
            _owesTimes = false;
        }

        if (_retimes > 0 && isPoll)
        {
            // Rows of this boot that lie ahead of the time as it is now were stamped by a clock that was wrong.
            buffer.Retime(bootedAt, Epoch, now + Ahead);
            _retimes--;
        }

        // Beyond what a server whose clock agrees with ours would take: none of them is being stored at this moment.
        if (isPoll && buffer.GiveUpOnWrongClock(now + Ahead + ClockTrust.Tolerance) is > 0 and var rows)
        {
            Log.ClockWasWrong(logger, rows);
        }

        _isTrusted = true;
    }

    private int Epoch => _epoch!.Value % Epochs;

    private DateTimeOffset Stamp(DateTimeOffset now) => WholeMilliseconds(now).AddMicroseconds(Epoch);

    private static DateTimeOffset WholeMilliseconds(DateTimeOffset now) =>
        new(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero);
}
