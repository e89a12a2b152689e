namespace Sungrow.Edge.Inverter;

/// <summary>What stands between us and the inverter.</summary>
internal enum ConnectionPath
{
    /// <summary>Nothing tells, which is normal outside the SH*RT series.</summary>
    Unknown,

    /// <summary>The inverter's own network port.</summary>
    Lan,

    /// <summary>A WiNet-S or another dongle, which forwards less and slower.</summary>
    WiNet,
}

internal static class ConnectionPaths
{
    /// <summary>Today's quarter-hours: the LAN port of an SH*RT serves them, every dongle refuses them. Source: 6100.</summary>
    public static readonly RegisterBlock Tell = new("PATH", 6099, 1);

    /// <summary>Only where the answer means something: repeated illegal reads have brought dongles down.</summary>
    public static bool CanBeTold(InverterIdentity identity) => identity.DeviceTypeCode is >= 0x0E00 and <= 0x0E13;

    /// <summary>Quiet between requests, where nothing is set: a WiNet-S wants 20 to 30 ms, and so gets whatever may be one for ever.
    /// Source: mkaiser.</summary>
    public static TimeSpan Gap(ConnectionPath path, InverterIdentity? identity) =>
        path == ConnectionPath.WiNet || (identity is not null && !CanBeTold(identity)) ? TimeSpan.FromMilliseconds(30) : TimeSpan.Zero;

    /// <param name="answer">To <see cref="Tell"/>.</param>
    public static ConnectionPath From(BlockAnswer answer) => answer switch
    {
        { Refusal: ModbusException.IllegalDataAddress } => ConnectionPath.WiNet,
        { Refusal: null, Failure: null } => ConnectionPath.Lan,
        _ => ConnectionPath.Unknown,
    };

    /// <summary>As it is written for others.</summary>
    public static string Word(this ConnectionPath path) => path switch
    {
        ConnectionPath.Lan => "lan",
        ConnectionPath.WiNet => "winet",
        _ => "unknown",
    };
}
