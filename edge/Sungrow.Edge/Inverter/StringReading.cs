namespace Sungrow.Edge.Inverter;

/// <summary>What an SG string inverter's words say.</summary>
internal static class StringReading
{
    /// <param name="known">What this connection has shown of the meter; null: nothing yet.</param>
    public static Reading Of(ServedWords served, MeterSeen? known = null)
    {
        if (IsZeroed(served))
        {
            return Reading.Empty;
        }

        var meter = HasMeter(served, known ?? new()) ? served.Value(StringMap.MeterPower) : null;
        return new(
            IsResting(served.Raw(StringMap.WorkState)) && served.Value(StringMap.PvPower) is not null ? 0 : served.Value(StringMap.PvPower),
            served.Value(StringMap.PvDailyEnergy),
            BatteryPowerWatts: null,
            BatterySocPercent: null,
            BatteryTemperatureCelsius: null,
            LoadPowerWatts: meter is null ? null : Load(served, meter),
            ExportPowerWatts: 0 - meter); // Not -meter: minus zero is not a value of the wire.
    }

    /// <summary>See <see cref="HybridReading.IsZeroed"/>.</summary>
    public static bool IsZeroed(ServedWords served) =>
        served.Raw(StringMap.WorkState) == 0 && StringMap.Totals.All(total => served.Raw(total) == 0);

    // Some models serve a constant 0 for the load: then it is what the inverter makes and the grid adds.
    private static double? Load(ServedWords served, double? meter) =>
        served.Value(StringMap.LoadPower) is { } load and not 0 ? load : served.Value(StringMap.ActivePower) + meter;

    // Zero is no proof of a meter: a dongle serves zeros for one that is not there. A real one has counted something, or has shown a power
    // on this connection; but one that has counted does not go back to zero.
    private static bool HasMeter(ServedWords served, MeterSeen known)
    {
        var counted = Counts(StringMap.ExportTotal) || Counts(StringMap.ImportTotal);
        known.Counted |= counted;
        known.Moved |= Counts(StringMap.MeterPower) || Counts(StringMap.LoadPower);
        return counted || Counts(StringMap.MeterPower) || Counts(StringMap.LoadPower) || (known.Moved && !known.Counted);

        bool Counts(Register register) => served.Value(register) is not (null or 0);
    }

    // Registers may keep their last value after a stop, so a state without generation means no power. Source: 5038.
    private static bool IsResting(long? state) =>
        state is 0x1111 or 0x1200 or 0x1300 or 0x1400 or 0x1500 or 0x1600 or 0x2500 or 0x5500 or 0x8000;
}

/// <summary>What one connection has shown of a string inverter's meter.</summary>
internal sealed class MeterSeen
{
    public bool Moved { get; set; }

    public bool Counted { get; set; }
}
