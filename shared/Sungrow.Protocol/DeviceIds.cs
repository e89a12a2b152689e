using System.Buffers;

namespace Sungrow.Protocol;

/// <summary>The form of a device id: 1 to 64 of <c>A-Z a-z 0-9 . _ -</c>.</summary>
public static class DeviceIds
{
    public const string Form = "1 to 64 of A-Z a-z 0-9 . _ -";

    private const string Allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    private static readonly SearchValues<char> AllowedCharacters = SearchValues.Create(Allowed);

    public static bool IsWellFormed(ReadOnlySpan<char> deviceId) =>
        deviceId.Length is > 0 and <= ProtocolLimits.MaxDeviceIdLength && !deviceId.ContainsAnyExcept(AllowedCharacters);
}
