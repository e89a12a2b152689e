using Sungrow.Edge.Buffer;
using Sungrow.Edge.Inverter;

namespace Sungrow.Edge.Polling;

/// <summary>Several polls made into one sample: the time of the last, means of what was read, the last daily counter that was read.
/// Also the one place where a reading becomes a row.</summary>
internal sealed class RowAverage(int pollsPerRow, TimeSpan interval)
{
    private readonly List<Reading> _readings = [];
    private NewSample? _last;
    private TimeSpan _begun;

    /// <summary>Adds a poll.</summary>
    /// <returns>The rows that are complete now: none, one, or two when the device id changes with the last poll of a row.</returns>
    public IEnumerable<NewSample> Add(string deviceId, DateTimeOffset? ts, TimeSpan uptime, Reading reading)
    {
        List<NewSample> complete = [];
        if (_last is not null && _last.DeviceId != deviceId && Flush() is { } before)
        {
            complete.Add(before);
        }

        if (_readings.Count == 0)
        {
            _begun = uptime;
        }

        _readings.Add(reading);
        _last = new(deviceId, ts, default, 1, interval.TotalSeconds, uptime);
        if (_readings.Count >= pollsPerRow && Flush() is { } row)
        {
            complete.Add(row);
        }

        return complete;
    }

    /// <summary>The row begun when its polls are over, though some failed: the evening is not averaged with the next morning.</summary>
    public NewSample? TakeIfOver(TimeSpan uptime) => uptime - _begun > interval * (pollsPerRow - 0.5) ? Flush() : null;

    /// <summary>A new day has begun: a row begun on the old one shall not carry its counter into the new one.</summary>
    public void ForgetDailyCounter()
    {
        for (var i = 0; i < _readings.Count; i++)
        {
            _readings[i] = _readings[i] with { PvDailyKwh = null };
        }
    }

    /// <summary>What was added since the last row, null when nothing was.</summary>
    public NewSample? Flush()
    {
        if (_last is null)
        {
            return null;
        }

        var row = _last with
        {
            Metrics = new(
                Mean(reading => reading.PvPowerWatts),
                _readings.LastOrDefault(reading => reading.PvDailyKwh is not null)?.PvDailyKwh,
                Mean(reading => reading.BatteryPowerWatts),
                Mean(reading => reading.BatterySocPercent),
                Mean(reading => reading.BatteryTemperatureCelsius),
                Mean(reading => reading.LoadPowerWatts),
                Mean(reading => reading.ExportPowerWatts)),
            SampleCount = _readings.Count,
            IntervalSeconds = interval.TotalSeconds * _readings.Count,
        };
        _readings.Clear();
        _last = null;
        return row;

        // Of a single reading the value itself: no arithmetic touches what the inverter served.
        double? Mean(Func<Reading, double?> metric) => _readings.Average(metric);
    }
}
