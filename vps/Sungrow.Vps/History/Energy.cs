namespace Sungrow.Vps.History;

/// <param name="To">Not included.</param>
/// <param name="PvKwh">Integrated from the power; null where none was read, as each of them.</param>
/// <param name="PvCounterKwh">By the inverter's own counter, which also counts what no sample saw.</param>
/// <param name="SelfConsumptionPct">Of the PV energy what was not exported.</param>
/// <param name="AutarkyPct">Of the load what was not imported.</param>
internal sealed record EnergyGroup(
    DateTimeOffset From,
    DateTimeOffset To,
    double? PvKwh,
    double? PvCounterKwh,
    double? LoadKwh,
    double? ImportKwh,
    double? ExportKwh,
    double? ChargeKwh,
    double? DischargeKwh,
    double? SelfConsumptionPct,
    double? AutarkyPct,
    double CoveredS);

internal sealed record EnergyAnswer(string DeviceId, string TimeZone, IReadOnlyList<EnergyGroup> Groups);

/// <summary>The energies of a day in watt-seconds; null where the power was never read.</summary>
internal sealed record DayEnergy(
    double? Pv, double? Load, double? Import, double? Export, double? Charge, double? Discharge, double CoveredS, double? PvCounterKwh)
{
    public static readonly DayEnergy None = new(null, null, null, null, null, null, 0, null);

    public static DayEnergy operator +(DayEnergy one, DayEnergy other) => new(
        Sum(one.Pv, other.Pv), Sum(one.Load, other.Load), Sum(one.Import, other.Import), Sum(one.Export, other.Export),
        Sum(one.Charge, other.Charge), Sum(one.Discharge, other.Discharge), one.CoveredS + other.CoveredS,
        Sum(one.PvCounterKwh, other.PvCounterKwh));

    public EnergyGroup ToGroup(DateTimeOffset from, DateTimeOffset to) => new(
        from, to, Kwh(Pv), PvCounterKwh is { } counted ? Math.Round(counted, 3) : null, Kwh(Load), Kwh(Import), Kwh(Export), Kwh(Charge),
        Kwh(Discharge), Share(Export, Pv), Share(Import, Load), Math.Round(CoveredS, 3));

    // A milliwatt-hour is finer than any meter, and rounds off what differs by the order of a sum.
    private static double? Kwh(double? wattSeconds) => wattSeconds is { } known ? Math.Round(known / 3_600_000, 6) : null;

    private static double? Share(double? part, double? whole) =>
        part is { } some && whole is { } all && all > 0 ? Math.Round(Math.Clamp(100 * (1 - (some / all)), 0, 100), 3) : null;

    private static double? Sum(double? one, double? other) => one is null ? other : other is null ? one : one + other;
}
