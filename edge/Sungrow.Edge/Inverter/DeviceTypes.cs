namespace Sungrow.Edge.Inverter;

/// <summary>A row of the model table. Power and phases are also served (5001, 5002), and what is served wins.</summary>
/// <param name="Trackers">Null where the vendor's appendix does not say.</param>
/// <param name="Phases">Null where sources disagree.</param>
internal sealed record DeviceType(ushort Code, string Model, InverterFamily Family, int? Trackers, int? Phases);

/// <summary>Models by type code (5000).</summary>
internal static class DeviceTypes
{
    private static readonly Dictionary<ushort, DeviceType> Known =
        HybridTypes.All.Concat(StringTypes.All).ToDictionary(type => type.Code);

    /// <summary>Never refuses: new codes appear several times a year.</summary>
    public static DeviceType Of(ushort code)
    {
        if (Known.TryGetValue(code, out var type))
        {
            return type;
        }

        var family = FamilyOf(code);
        var series = family == InverterFamily.Hybrid ? "SH" : "SG";
        return new(code, $"{series} (type 0x{code:X4})", family, Trackers: null, Phases: null);
    }

    /// <summary>All hybrids so far, and only they, have codes of 0x0Dxx and 0x0Exx.</summary>
    public static InverterFamily FamilyOf(ushort code) => code >> 8 is 0x0D or 0x0E ? InverterFamily.Hybrid : InverterFamily.String;
}
