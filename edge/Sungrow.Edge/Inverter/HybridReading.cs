namespace Sungrow.Edge.Inverter;

/// <summary>What an SH hybrid's words say.</summary>
internal static class HybridReading
{
    /// <param name="known">What this connection has shown of the battery's sign; null: nothing yet.</param>
    public static Reading Of(ServedWords served, BatterySign? known = null)
    {
        if (IsZeroed(served))
        {
            return Reading.Empty;
        }

        var (battery, meter) = (HasBattery(served), HasMeter(served));
        return new(
            served.Value(HybridMap.PvPower),
            served.Value(HybridMap.PvDailyEnergy),
            battery ? BatteryPower.Of(served, known ?? new()) : null,
            battery ? served.Value(HybridMap.BatterySoc) : null,
            battery ? served.Value(HybridMap.BatteryTemperature) : null,
            meter ? served.Value(HybridMap.LoadPower) : null,
            meter ? served.Value(HybridMap.ExportPower) : null);
    }

    /// <summary>A dongle that has lost its inverter serves zeros, and state 0 means "running": nothing of it is a value.</summary>
    public static bool IsZeroed(ServedWords served) =>
        served.Raw(HybridMap.RunningState) == 0
        && served.Raw(HybridMap.PowerFlow) == 0
        && HybridMap.Totals.All(total => served.Raw(total) == 0);

    /// <summary>Whether nothing denies it. Without a battery a lone inverter serves the absent pattern for voltage and charge (and -0.1 degC,
    /// -1 W for the signed ones), a cluster's second inverter or a dongle zeros for voltage, charge and temperature together.</summary>
    public static bool HasBattery(ServedWords served)
    {
        if (!served.Has(HybridMap.BatteryVoltage))
        {
            return true;
        }

        var (volts, soc) = (served.Value(HybridMap.BatteryVoltage), served.Value(HybridMap.BatterySoc));
        var absent = volts is null && soc is null;
        var zeroed = volts == 0 && soc == 0 && served.Value(HybridMap.BatteryTemperature) == 0;
        return !absent && !zeroed;
    }

    // Zero is no proof of a meter: a dongle serves zeros for one that is not there. A real one has counted something, or shows a power; a
    // new one may for a poll show neither, and a null then is no loss.
    private static bool HasMeter(ServedWords served) =>
        served.Raw(HybridMap.LoadPower) != 0
        || served.Raw(HybridMap.ExportPower) != 0
        || HybridMap.MeterTotals.Any(total => served.Raw(total) != 0);
}
