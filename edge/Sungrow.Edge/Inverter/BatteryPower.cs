namespace Sungrow.Edge.Inverter;

/// <summary>Signed battery power across firmwares, + discharging. In this order: 5214; 13022 with its sign put right; volts x amperes.
/// The flow bits may stay 0 on new firmware and may say discharging while the battery charges, so only "charging" is believed,
/// to turn a magnitude round; without any bit for the battery, a value that never showed a sign has a direction only at night.</summary>
internal static class BatteryPower
{
    private const long ChargingBit = 0x02;
    private const long DischargingBit = 0x04;
    private const long AllBits = -1;

    // Below this a battery at rest is indistinguishable from one that is not.
    private const double NoiseWatts = 20;

    /// <param name="served">Words of a hybrid that has a battery.</param>
    /// <param name="known">What this connection has shown of the older registers' sign.</param>
    public static double? Of(ServedWords served, BatterySign known)
    {
        var current = served.Raw(HybridMap.BatteryCurrent) == AllBits ? null : served.Value(HybridMap.BatteryCurrent);
        var product = Product(served.Value(HybridMap.BatteryVoltage), current);
        var legacy = Unless(served.Value(HybridMap.BatteryPowerLegacy), deniedBy: product);
        known.IsServed |= served.Raw(HybridMap.BatteryPowerLegacy) < AllBits || current < 0;
        if (Unless(served.Value(HybridMap.BatteryPower), deniedBy: legacy) is { } watts)
        {
            return watts;
        }

        var flow = served.Raw(HybridMap.PowerFlow) ?? 0;
        var power = legacy ?? product;
        return power switch
        {
            > 0 when (flow & ChargingBit) != 0 || current < 0 => -power,
            > 0 when known.IsServed || (flow & DischargingBit) != 0 => power,
            > NoiseWatts => power * NightDirection(served),
            > 0 when flow == 0 => null,
            _ => power,
        };
    }

    // What leaves an inverter that has no sun comes out of its battery, and what enters it goes there. By day the two may balance.
    private static int? NightDirection(ServedWords served) =>
        served.Value(HybridMap.PvPower) == 0 && served.Value(HybridMap.ActivePower) is { } active && Math.Abs(active) > NoiseWatts
            ? Math.Sign(active)
            : null;

    private static double? Product(double? volts, double? amperes) =>
        volts is { } v && amperes is { } a ? Math.Round(v * a, 2) : null;

    // All bits set is also what a LAN port serves for a register it does not have, and reads as -1 W. It is believed unless another
    // denies it.
    private static double? Unless(double? watts, double? deniedBy) =>
        watts == AllBits && Math.Abs(deniedBy ?? 0) > NoiseWatts ? null : watts;
}

/// <summary>What one connection has shown of the sign of the older battery registers: a firmware that has once served a minus signs
/// every value.</summary>
internal sealed class BatterySign
{
    public bool IsServed { get; set; }
}
