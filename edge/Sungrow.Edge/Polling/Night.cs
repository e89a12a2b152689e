using Sungrow.Edge.Inverter;

namespace Sungrow.Edge.Polling;

/// <summary>Whether a string inverter that does not answer is only asleep: its electronics live on PV. Pure.</summary>
internal static class Night
{
    // Who made more than this a moment ago has not gone to bed.
    private const double DuskOfNominal = 0.05;

    private static readonly TimeSpan LatestMorning = TimeSpan.FromHours(10);
    private static readonly TimeSpan EarliestEvening = TimeSpan.FromHours(15);
    private static readonly TimeSpan LongestNight = TimeSpan.FromHours(19);

    /// <param name="last">The last inverter and PV power that were read; null: none since the start.</param>
    /// <param name="sinceLast">How long ago that was.</param>
    /// <param name="localTime">Of day, in the inverter's zone.</param>
    public static bool Explains(UnreachableReason reason, (InverterIdentity Inverter, double? PvWatts)? last, TimeSpan sinceLast, TimeSpan localTime) =>
        reason is not (UnreachableReason.NameNotFound or UnreachableReason.NotModbus or UnreachableReason.Violation or UnreachableReason.Contention)
        && last is { Inverter: { Family: InverterFamily.String } inverter, PvWatts: var watts }
        && (watts ?? 0) <= DuskOfNominal * (inverter.NominalPowerWatts ?? 0)
        && sinceLast < LongestNight
        && (localTime >= EarliestEvening || localTime < LatestMorning);
}
