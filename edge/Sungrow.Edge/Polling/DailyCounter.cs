using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Inverter;

namespace Sungrow.Edge.Polling;

/// <summary>The guard with its state in a file beside the buffer, <c>.counters</c>.</summary>
internal sealed class DailyCounter(
    IOptions<InverterOptions> inverter, IOptions<BufferOptions> buffer, EdgeMetrics metrics, ILogger<DailyCounter> logger)
{
    private readonly TimeZoneInfo _zone = inverter.Value.TimeZone is { } id ? TimeZoneInfo.FindSystemTimeZoneById(id) : TimeZoneInfo.Local;
    private readonly string _path = buffer.Value.Path + ".counters";
    private DailyCounterGuard? _guard;
    private CounterState? _kept;
    private bool _unwritable;

    /// <summary>The reading with its daily counter, if that can be believed.</summary>
    /// <param name="ts">Start of the poll.</param>
    /// <param name="newDay">Whether this is the first poll of a local day.</param>
    public Reading Guard(Polled polled, DateTimeOffset ts, out bool newDay)
    {
        _guard ??= new(_zone, _kept = CounterState.Load(_path));
        var before = _guard.State?.Day;
        var daily = _guard.Judge(
            polled.Identity.Serial, ts, polled.Counters, polled.Identity.NominalPowerWatts, polled.Reading.PvPowerWatts > 0);
        newDay = before is { } day && day != _guard.DayOf(ts);
        if (CounterState.IsDue(_kept, _guard.State))
        {
            Keep();
        }

        if (polled.Reading.PvDailyKwh is not null && daily is null)
        {
            metrics.DailyCounterDoubted();
        }

        // Of a value that no server would take nothing is left to judge.
        return polled.Reading with { PvDailyKwh = polled.Reading.PvDailyKwh is null ? null : daily };
    }

    public void Keep()
    {
        try
        {
            _guard?.State?.Save(_path);
            _kept = _guard?.State;
            _unwritable = false;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // Costs no value until a restart, and that one at most a day of this metric.
            if (!_unwritable)
            {
                Log.StateNotKept(logger, _path, refused.Message);
            }

            _unwritable = true;
        }
    }

    /// <summary>Time of day in the inverter's zone.</summary>
    public TimeSpan LocalTime(DateTimeOffset moment) => TimeZoneInfo.ConvertTime(moment, _zone).TimeOfDay;
}
