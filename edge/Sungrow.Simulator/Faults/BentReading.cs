using Sungrow.Simulator.Day;

namespace Sungrow.Simulator.Faults;

/// <summary>What the inverter believes where faults mislead it: the counters and the clock. Powers are as they are.</summary>
internal static class BentReading
{
    private const long WattSecondsPerKwh = 3_600_000;

    /// <param name="reading">The truth at <paramref name="instant"/>.</param>
    public static Reading Of(Reading reading, Household household, DateTimeOffset instant, FaultSet faults)
    {
        var clockOff = Minutes(faults, FaultKind.ClockOff);
        var bent = reading with { LocalTime = reading.LocalTime + clockOff };

        // A clock that is ahead meets its midnight early.
        var resetLate = Minutes(faults, FaultKind.LateReset) - Minutes(faults, FaultKind.EarlyReset) - clockOff;
        if (faults.Has(FaultKind.NoReset))
        {
            bent = bent with { Today = household.Since(household.StartOfDay(faults.Since(FaultKind.NoReset)), instant) };
        }
        else if (resetLate != TimeSpan.Zero)
        {
            bent = bent with { Today = household.Since(household.StartOfDay(instant - resetLate) + resetLate, instant) };
        }

        if (faults.Has(FaultKind.DailyZero))
        {
            bent = bent with { Today = default };
        }

        if (faults.Find(FaultKind.TotalBack) is { Number: var kwh })
        {
            bent = bent with { Total = bent.Total.Less(kwh * WattSecondsPerKwh) };
        }

        return bent;
    }

    private static TimeSpan Minutes(FaultSet faults, FaultKind kind) => TimeSpan.FromMinutes(faults.Find(kind)?.Number ?? 0);
}
