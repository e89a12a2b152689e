namespace Sungrow.Edge.Inverter;

/// <summary>The two PV energy counters as one poll served them. The daily one is not to be believed on its own: it is known to reset
/// late, early or never, and to read zero for a poll.</summary>
/// <param name="TotalStepKwh">The finest change that the total can show.</param>
internal readonly record struct PvCounters(double DailyKwh, double TotalKwh, double TotalStepKwh)
{
    /// <summary>Null when one of them was not served.</summary>
    public static PvCounters? Of(InverterFamily family, ServedWords served) =>
        family == InverterFamily.Hybrid
            ? Pair(served.Value(HybridMap.PvDailyEnergy), served.Value(HybridMap.PvTotalEnergy), HybridMap.PvTotalEnergy)
            : Fine(served) ?? Pair(served.Value(StringMap.PvDailyEnergy), served.Value(StringMap.PvTotalEnergy), StringMap.PvTotalEnergy);

    // A dongle serves zero for what it does not forward: the fine total counts only where it agrees with the coarse one, which may have
    // been read a moment earlier.
    private static PvCounters? Fine(ServedWords served) =>
        served.Value(StringMap.PvTotalFine) is { } fine && served.Value(StringMap.PvTotalEnergy) is { } coarse && Math.Abs(fine - coarse) <= 1
            ? Pair(served.Value(StringMap.PvDailyEnergy), fine, StringMap.PvTotalFine)
            : null;

    private static PvCounters? Pair(double? daily, double? total, Register counted) =>
        daily is { } day && total is { } sum ? new(day, sum, (double)counted.Scale) : null;
}
