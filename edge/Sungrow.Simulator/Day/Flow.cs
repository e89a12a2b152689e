namespace Sungrow.Simulator.Day;

/// <summary>The powers of one second, in whole watts as the registers have them. By construction, and to the watt,
/// <c>load = pv + battery - export - losses</c>.</summary>
/// <param name="Pv">W.</param>
/// <param name="Battery">W, + discharging, - charging.</param>
/// <param name="Load">W.</param>
/// <param name="Export">W, + exporting, - importing.</param>
internal readonly record struct Flow(int Pv, int Battery, int Load, int Export)
{
    /// <summary>W the battery takes or gives at most.</summary>
    public const int BatteryLimit = 5_000;

    /// <summary>W lost in the inverter: what it needs itself, and 2.5 % of what it converts.</summary>
    public int Losses => Pv + Battery - ActivePower;

    /// <summary>W of AC that leave the inverter; negative when it draws its own needs from the grid.</summary>
    public int ActivePower => Load + Export;

    /// <summary>W of PV that reach the grid. In the evening the regulator's misses export battery energy; that is no PV.</summary>
    public int PvToGrid => Math.Clamp(Export, 0, Pv);

    /// <summary>W of PV that reach the battery.</summary>
    public int PvToBattery => Math.Clamp(-Battery, 0, Pv - PvToGrid);

    /// <summary>W of PV that the house uses at once.</summary>
    public int PvToLoad => Math.Clamp(Pv - PvToGrid - PvToBattery - Losses, 0, Load);

    /// <summary>Self-consumption: the battery takes the surplus and gives what is missing as far as its limits go, the meter sees the
    /// rest.</summary>
    /// <param name="pv">W.</param>
    /// <param name="load">W.</param>
    /// <param name="regulatorError">W that the regulator would leave at the meter with a willing battery.</param>
    /// <param name="stored">Ws in the battery, between <see cref="BatteryPack.Reserve"/> and <see cref="BatteryPack.Full"/>.</param>
    public static Flow Regulate(House house, int pv, int load, int regulatorError, long stored)
    {
        var losses = LossesAt(pv, house.SleepsAtNight);
        var wanted = load + losses + regulatorError - pv;

        // One second at P watts moves P watt-seconds: the last second before full or empty gets exactly what still fits.
        var mostCharge = Math.Min(house.BatteryWatts, BatteryPack.Full - stored);
        var mostDischarge = Math.Min(house.BatteryWatts, stored - BatteryPack.Reserve);
        var battery = (int)Math.Clamp(wanted, -mostCharge, mostDischarge);
        return new Flow(pv, battery, load, pv + battery - losses - load);
    }

    // Rounded to the nearest watt.
    private static int LossesAt(int pv, bool sleepsAtNight) => pv == 0 && sleepsAtNight ? 0 : 60 + ((pv + 20) / 40);
}

/// <summary>What stands in the house.</summary>
/// <param name="Size">Of roof and household: 1 is the measured one, behind 10 kW.</param>
/// <param name="BatteryWatts">Most the battery takes or gives; 0: there is none.</param>
/// <param name="SleepsAtNight">A string inverter lives on its sun; a hybrid draws its needs all night.</param>
internal readonly record struct House(double Size, int BatteryWatts, bool SleepsAtNight);

/// <summary>A 9.6 kWh pack, counted in watt-seconds so that a second's watts add up without rounding.</summary>
internal static class BatteryPack
{
    public const long Full = 9_600 * 3_600L;

    /// <summary>10 %, the minimum state of charge: below it the battery gives nothing.</summary>
    public const long Reserve = Full / 10;
}
