using Sungrow.Simulator.Day;

namespace Sungrow.Simulator;

internal enum Family
{
    /// <summary>SH: a battery, the 13xxx registers.</summary>
    Hybrid,

    /// <summary>SG: sun alone, no 13xxx registers.</summary>
    String,
}

/// <summary>What a type plate says, and which of its family's registers a model lacks. A further model is a row.</summary>
/// <param name="Code">Device type code, documented register 5000.</param>
/// <param name="Watts">Nominal power.</param>
internal sealed record Model(string Name, ushort Code, int Watts, int Phases, int Trackers, Family Family)
{
    public static readonly Model Sh10Rt = new("SH10RT", 0x0E03, 10_000, 3, 2, Family.Hybrid) { QuarterHours = true, FirmwareTexts = true };

    public static readonly IReadOnlyList<Model> All =
    [
        Sh10Rt,
        new("SH5.0RS", 0x0D0F, 5_000, 1, 2, Family.Hybrid),
        new("SH10RS", 0x0D1B, 10_000, 1, 4, Family.Hybrid),
        new("SH20T", 0x0E26, 20_000, 3, 3, Family.Hybrid) { FirmwareTexts = true },
        new("SH5K-30", 0x0D0C, 5_000, 1, 2, Family.Hybrid) { SignedBatteryPower = false },
        new("SG5.0RS", 0x2606, 5_000, 1, 2, Family.String),
        new("SG10RT", 0x2433, 10_000, 3, 2, Family.String),
    ];

    /// <summary>Documented 5214, 5242 and 5631: with protocol V1.1.0 (2023), not in the older K series.</summary>
    public bool SignedBatteryPower { get; init; } = true;

    /// <summary>Documented 6100: today's sun by quarter hours, only in SH5.0-10RT and only on the LAN port.</summary>
    public bool QuarterHours { get; init; }

    /// <summary>Documented 13200 and 13250: the meter's second channel and the firmware texts, not in RS, MG and RL.</summary>
    public bool FirmwareTexts { get; init; }

    public override string ToString() => Name;

    public House House(bool battery) =>
        new(Watts / 10_000.0, Family == Family.Hybrid && battery ? Flow.BatteryLimit : 0, Family == Family.String);
}

/// <summary>Where the Modbus port is.</summary>
internal enum InverterPath
{
    /// <summary>The inverter's own LAN port.</summary>
    Lan,

    /// <summary>A WiNet-S dongle: zeros where the LAN port says "absent", fewer registers, slower, one session.</summary>
    WiNet,
}
