namespace Sungrow.Edge.Inverter;

/// <summary>Signed battery power across firmwares, + discharging. In this order: 5214; 13022 with its sign put right; volts x amperes.
/// The flow bits may stay 0 on new firmware and may say discharging while the battery charges, so only "charging" is believed,
/// and only to turn a magnitude round.</summary>
internal static class BatteryPower
{
    private const long ChargingBit = 0x02;

    // Below this a battery at rest is indistinguishable from one that is not.
    private const double NoiseWatts = 20;

    /// <param name="served">Words of a hybrid that has a battery.</param>
    public static double? Of(ServedWords served)
    {
        var legacy = served.Value(HybridMap.BatteryPowerLegacy);
        if (served.Value(HybridMap.BatteryPower) is { } watts && !IsHole(watts, legacy))
        {
            return watts;
        }

        var current = served.Value(HybridMap.BatteryCurrent);
        var charging = (served.Raw(HybridMap.PowerFlow) & ChargingBit) == ChargingBit || current < 0;
        var power = legacy ?? Product(served.Value(HybridMap.BatteryVoltage), current);
        return charging && power > 0 ? -power : power;
    }

    private static double? Product(double? volts, double? amperes) =>
        volts is { } v && amperes is { } a ? Math.Round(v * a, 2) : null;

    // Firmware older than 5214 serves all bits set there over LAN, which reads as -1 W. It is believed as long as 13022 does not deny it.
    private static bool IsHole(double watts, double? legacy) => watts == -1 && Math.Abs(legacy ?? 0) > NoiseWatts;
}
