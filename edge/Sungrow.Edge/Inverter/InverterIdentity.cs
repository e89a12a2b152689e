using System.Text;

namespace Sungrow.Edge.Inverter;

/// <summary>Which register map an inverter speaks.</summary>
internal enum InverterFamily
{
    Hybrid,
    String,
}

/// <summary>Who answered on this connection.</summary>
/// <param name="Serial">Empty where the inverter serves none.</param>
/// <param name="Model">The name of the type code; of an unknown code the family and the code.</param>
/// <param name="NominalPowerWatts">As served; null when absent.</param>
/// <param name="Phases">1 or 3; null when neither served nor known.</param>
internal sealed record InverterIdentity(
    string Serial, ushort DeviceTypeCode, string Model, InverterFamily Family, double? NominalPowerWatts, int? Phases)
{
    /// <summary>PV inputs with a tracker of their own; null for an unknown code.</summary>
    public int? Trackers { get; init; }

    /// <summary>Null when the words name nobody: a dongle serves zeros until its inverter is linked, and zeros are no type code.</summary>
    /// <param name="id">The words of <see cref="IdentityMap.Id"/>.</param>
    public static InverterIdentity? From(ServedWords served, ReadOnlySpan<ushort> id)
    {
        if (served.Value(IdentityMap.DeviceTypeCode) is not { } code || code == 0)
        {
            return null;
        }

        var type = DeviceTypes.Of((ushort)code);
        return new(
            Text(id.Slice(IdentityMap.SerialWire - IdentityMap.Id.Start, IdentityMap.SerialWords)),
            type.Code,
            type.Model,
            type.Family,
            served.Value(IdentityMap.NominalPower) is { } watts and > 0 ? watts : null,
            served.Value(IdentityMap.OutputType) switch { 0 => 1, 1 or 2 => 3, _ => type.Phases })
        {
            Trackers = type.Trackers,
        };
    }

    // High byte first, NUL padded. Anything that is no printable ASCII is no serial number.
    private static string Text(ReadOnlySpan<ushort> words)
    {
        var text = new StringBuilder(2 * words.Length);
        foreach (var word in words)
        {
            text.Append((char)(word >> 8)).Append((char)(word & 0xFF));
        }

        var read = text.ToString().TrimEnd('\0', ' ');
        return read.All(static character => character is > ' ' and <= '~') ? read : "";
    }
}
