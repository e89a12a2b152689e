using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Sungrow.Vps.Devices;

/// <summary>The tokens we issue, <c>sg_&lt;43 base64url&gt;_&lt;crc32&gt;</c>: 256 random bits in a form that scanners for leaked secrets
/// can recognise, and a checksum so that a mistyped or guessed one is refused before any look-up. Only the SHA-256 of the whole string
/// is ever stored.</summary>
internal static class Tokens
{
    private const string Prefix = "sg_";
    private const int SecretBytes = 32;
    private const int SecretLength = 43;
    private const int ChecksumLength = 8;
    private const int Length = 3 + SecretLength + 1 + ChecksumLength;

    public static string Issue() => Issue(RandomNumberGenerator.GetBytes(SecretBytes));

    public static string Issue(ReadOnlySpan<byte> secret)
    {
        var body = Prefix + Base64Url.EncodeToString(secret);
        return $"{body}_{Checksum(body):x8}";
    }

    /// <summary>Whether <paramref name="token"/> can be one of ours.</summary>
    public static bool IsWellFormed(string token) =>
        token.Length == Length && token.StartsWith(Prefix, StringComparison.Ordinal) && token[^(ChecksumLength + 1)] == '_'
        && Base64Url.IsValid(token.AsSpan(Prefix.Length, SecretLength))
        && token.AsSpan(Length - ChecksumLength).SequenceEqual($"{Checksum(token[..^(ChecksumLength + 1)]):x8}");

    /// <summary>What is stored and compared in place of a token.</summary>
    public static byte[] Digest(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    // CRC-32 of IEEE 802.3, as zip and gzip have it; bit by bit, for it is 46 characters.
    private static uint Checksum(string text)
    {
        var crc = uint.MaxValue;
        foreach (var octet in Encoding.UTF8.GetBytes(text))
        {
            crc ^= octet;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320 & (uint)-(int)(crc & 1));
            }
        }

        return ~crc;
    }
}
