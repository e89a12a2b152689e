using System.Globalization;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Shelly;

/// <summary>What one channel of a device said at one time.</summary>
internal readonly record struct Reading(
    string DeviceId, int Channel, DateTimeOffset Timestamp, double PowerW, double? VoltageV, double? CurrentA)
{
    /// <summary>Since 1970.</summary>
    public long Minute => Timestamp.ToUnixTimeSeconds() / 60;

    public DateTime StartOfMinute => DateTimeOffset.UnixEpoch.AddMinutes(Minute).UtcDateTime;

    public string Key => string.Create(CultureInfo.InvariantCulture, $"{DeviceId}_{Channel}_{Minute}");

    /// <summary>By device, channel and time: two transactions that overlap wait for each other in one order, never in a circle.</summary>
    public static int Compare(Reading one, Reading other)
    {
        var byDevice = string.CompareOrdinal(one.DeviceId, other.DeviceId);
        return byDevice != 0 ? byDevice
            : one.Channel != other.Channel ? one.Channel.CompareTo(other.Channel)
            : one.Timestamp.CompareTo(other.Timestamp);
    }
}

/// <summary>A batch as it was read.</summary>
internal sealed class ShellyBatch
{
    /// <summary>Not JSON: where reading stopped. The rest then says nothing.</summary>
    public string? Malformed { get; init; }

    public int Messages { get; set; }

    public HashSet<string> Devices { get; } = new(StringComparer.Ordinal);

    public List<Reading> Readings { get; } = [];

    /// <summary>Whose values are no numbers.</summary>
    public List<RefusedReading> Refused { get; } = [];

    /// <summary>Of whole messages: with one of them nothing is stored.</summary>
    public List<FieldError> Errors { get; } = [];
}
