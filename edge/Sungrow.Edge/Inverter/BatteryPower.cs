namespace Sungrow.Edge.Inverter;

/// <summary>Signed battery power across firmwares, + discharging. In this order: 5214; 13022 with its sign put right; volts x amperes.
/// The flow bits may stay 0 on new firmware and may say discharging while the battery charges, so only "charging" is believed,
/// and only to turn a magnitude round. Where they are stuck, a value without a sign has no direction, and is none.</summary>
internal static class BatteryPower
{
    private const long ChargingBit = 0x02;

    // Below this a battery at rest is indistinguishable from one that is not.
    private const double NoiseWatts = 20;

    /// <param name="served">Words of a hybrid that has a battery.</param>
    /// <param name="known">What this connection has shown of the older registers' sign.</param>
    public static double? Of(ServedWords served, BatterySign known)
    {
        var legacy = served.Value(HybridMap.BatteryPowerLegacy);
        var current = served.Value(HybridMap.BatteryCurrent);
        known.IsServed |= IsNegative(HybridMap.BatteryPowerLegacy) || IsNegative(HybridMap.BatteryCurrent);
        if (served.Value(HybridMap.BatteryPower) is { } watts && !IsHole(watts, legacy))
        {
            return watts;
        }

        var charging = (served.Raw(HybridMap.PowerFlow) & ChargingBit) == ChargingBit || current < 0;
        var power = legacy ?? Product(served.Value(HybridMap.BatteryVoltage), current);
        if (charging && power > 0)
        {
            return -power;
        }

        return power > 0 && !known.IsServed && FlowIsStuck(served) ? null : power;

        // All bits set is also what a LAN port serves for a register it does not have.
        bool IsNegative(Register register) => served.Raw(register) < -1;
    }

    // With sun at least the bit for it is set. At night nothing can tell, and there a battery that does not rest feeds the house.
    private static bool FlowIsStuck(ServedWords served) =>
        served.Raw(HybridMap.PowerFlow) == 0 && served.Value(HybridMap.PvPower) is not 0;

    private static double? Product(double? volts, double? amperes) =>
        volts is { } v && amperes is { } a ? Math.Round(v * a, 2) : null;

    // Firmware older than 5214 serves all bits set there over LAN, which reads as -1 W. It is believed as long as 13022 does not deny it.
    private static bool IsHole(double watts, double? legacy) => watts == -1 && Math.Abs(legacy ?? 0) > NoiseWatts;
}

/// <summary>What one connection has shown of the sign of the older battery registers: a firmware that has once served a minus signs
/// every value.</summary>
internal sealed class BatterySign
{
    public bool IsServed { get; set; }
}
