namespace Sungrow.Edge.Inverter;

/// <summary>Who is there: the same registers on hybrid and string inverters.</summary>
internal static class IdentityMap
{
    public static readonly RegisterBlock Id = new("ID", 4989, 14);

    /// <summary>UTF-8, high byte first, NUL padded. Source: 4990.</summary>
    public const int SerialWire = 4989;
    public const int SerialWords = 10;

    public static readonly Register DeviceTypeCode = new("device_type_code", 4999, Kind.U16, 1, "", "5000");
    public static readonly Register NominalPower = new("nominal_output_power", 5000, Kind.U16, 100, "W", "5001, documented as 0.1 kW");
    public static readonly Register OutputType = new("output_type", 5001, Kind.U16, 1, "", "5002: 0 single phase, 1 3P4L, 2 3P3L");
}
