using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <summary>The tokens of <c>DEVICE_TOKENS</c> or <c>VIEWER_TOKENS</c>, as digests, and the devices of each.</summary>
internal sealed class EnvironmentTokens
{
    public const string Form = "token:device,token:device with device ids of " + DeviceIds.Form;

    private readonly List<(byte[] Digest, HashSet<string> Devices)> _tokens = [];

    /// <summary>Every device named.</summary>
    public IReadOnlySet<string> Devices { get; private set; } = new HashSet<string>();

    /// <summary>Of a setting that passed validation.</summary>
    public static EnvironmentTokens Parse(string text, bool oneDevicePerToken) =>
        TryParse(text, oneDevicePerToken, out var tokens, out var what) ? tokens : throw new InvalidOperationException($"Tokens: {what}.");

    /// <param name="oneDevicePerToken">A device token is one device's; a viewer token may stand several times.</param>
    /// <param name="what">What is wrong, by position: a token is never shown.</param>
    public static bool TryParse(string text, bool oneDevicePerToken, [NotNullWhen(true)] out EnvironmentTokens? tokens, out string what)
    {
        tokens = null;
        what = "";
        var parsed = new EnvironmentTokens();
        var entries = string.IsNullOrWhiteSpace(text) ? [] : text.Split(',', StringSplitOptions.TrimEntries);
        for (var i = 0; i < entries.Length && what.Length == 0; i++)
        {
            what = parsed.Add(entries[i], i + 1, oneDevicePerToken);
        }

        if (what.Length > 0)
        {
            return false;
        }

        parsed.Devices = parsed._tokens.SelectMany(token => token.Devices).ToHashSet(StringComparer.Ordinal);
        tokens = parsed;
        return true;
    }

    /// <summary>The devices of the token with this digest. Every token is compared, and each in fixed time: how long it takes says
    /// nothing about how near a guess came.</summary>
    public IReadOnlySet<string>? Find(ReadOnlySpan<byte> digest)
    {
        HashSet<string>? found = null;
        foreach (var (candidate, devices) in _tokens)
        {
            if (CryptographicOperations.FixedTimeEquals(candidate, digest))
            {
                found = devices;
            }
        }

        return found;
    }

    /// <summary>Digests of this device's tokens.</summary>
    public IEnumerable<byte[]> TokensOf(string deviceId) =>
        from token in _tokens where token.Devices.Contains(deviceId) select token.Digest;

    private string Add(string entry, int position, bool oneDevicePerToken)
    {
        // The last colon: a token may hold colons, a device id cannot.
        var colon = entry.LastIndexOf(':');
        if (colon < 0)
        {
            return entry.Length == 0 ? $"entry {position} is empty" : $"entry {position} has no colon";
        }

        var token = entry[..colon].Trim();
        var device = entry[(colon + 1)..].Trim();
        if (token.Length == 0)
        {
            return $"entry {position} has no token";
        }

        if (!DeviceIds.IsWellFormed(device))
        {
            return $"entry {position} has a malformed device id";
        }

        var digest = Tokens.Digest(token);
        var at = _tokens.FindIndex(known => known.Digest.AsSpan().SequenceEqual(digest));
        if (at < 0)
        {
            _tokens.Add((digest, new(StringComparer.Ordinal) { device }));
            return "";
        }

        if (oneDevicePerToken)
        {
            return $"entry {position} repeats the token of an earlier entry";
        }

        return _tokens[at].Devices.Add(device) ? "" : $"entry {position} repeats an earlier entry";
    }
}
