namespace Sungrow.Simulator.Day;

/// <summary>Counters in watt-seconds. None ever runs backwards.</summary>
internal readonly record struct Energy(
    long Pv, long Output, long Load, long Import, long Export, long PvToGrid, long Charge, long PvToBattery, long Discharge, long PvToLoad)
{
    /// <summary>These counters after one more second of <paramref name="flow"/>.</summary>
    public Energy After(Flow flow) => new(
        Pv + flow.Pv,
        Output + Math.Max(flow.ActivePower, 0),
        Load + flow.Load,
        Import + Math.Max(-flow.Export, 0),
        Export + Math.Max(flow.Export, 0),
        PvToGrid + flow.PvToGrid,
        Charge + Math.Max(-flow.Battery, 0),
        PvToBattery + flow.PvToBattery,
        Discharge + Math.Max(flow.Battery, 0),
        PvToLoad + flow.PvToLoad);

    /// <summary>These counters and <paramref name="times"/> the others.</summary>
    public Energy Plus(Energy other, long times) => new(
        Pv + (times * other.Pv),
        Output + (times * other.Output),
        Load + (times * other.Load),
        Import + (times * other.Import),
        Export + (times * other.Export),
        PvToGrid + (times * other.PvToGrid),
        Charge + (times * other.Charge),
        PvToBattery + (times * other.PvToBattery),
        Discharge + (times * other.Discharge),
        PvToLoad + (times * other.PvToLoad));

    /// <summary>Each counter less so many watt-seconds, at least 0.</summary>
    public Energy Less(long wattSeconds) => new(
        Math.Max(Pv - wattSeconds, 0),
        Math.Max(Output - wattSeconds, 0),
        Math.Max(Load - wattSeconds, 0),
        Math.Max(Import - wattSeconds, 0),
        Math.Max(Export - wattSeconds, 0),
        Math.Max(PvToGrid - wattSeconds, 0),
        Math.Max(Charge - wattSeconds, 0),
        Math.Max(PvToBattery - wattSeconds, 0),
        Math.Max(Discharge - wattSeconds, 0),
        Math.Max(PvToLoad - wattSeconds, 0));
}
