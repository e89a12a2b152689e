using System.Net;

namespace Sungrow.Simulator;

/// <summary>One simulated inverter. The defaults are a lone SH10RT at home, with battery and meter, on its LAN port.</summary>
internal sealed record InverterOptions
{
    public IPAddress Bind { get; init; } = IPAddress.Loopback;

    /// <summary>0: a free one.</summary>
    public int Port { get; init; }

    /// <summary>1 .. 20 ASCII letters and digits.</summary>
    public string Serial { get; init; } = "A2240312345";

    /// <summary>1 .. 247.</summary>
    public byte UnitId { get; init; } = 1;

    /// <summary>How a request for another unit is met. What a real LAN port does is not known, so both are here.</summary>
    public WrongUnit WrongUnit { get; init; } = WrongUnit.Silent;

    public Model Model { get; init; } = Model.Sh10Rt;

    public InverterPath Path { get; init; }

    /// <summary>Of no meaning to a string inverter.</summary>
    public bool Battery { get; init; } = true;

    /// <summary>Without one an inverter knows neither grid nor load.</summary>
    public bool Meter { get; init; } = true;

    /// <summary>A session more than these is closed: the real ones serve "very few", a dongle one. Null: 2 on the LAN port, 1 on a
    /// WiNet-S.</summary>
    public int? Sessions { get; init; }

    /// <summary>A session without a request for so long is closed, so that a client that vanished without a word frees its place.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(5);

    public TimeZoneInfo TimeZone { get; init; } = TimeZoneInfo.Utc;

    /// <summary>0: the measured day. Any other number: a sun and a household of their own.</summary>
    public int Seed { get; init; }
}

internal enum WrongUnit
{
    /// <summary>No answer at all.</summary>
    Silent,

    /// <summary>Exception 0x0B, as a gateway answers for a device that is not there.</summary>
    Exception,
}
