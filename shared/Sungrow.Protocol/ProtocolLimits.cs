namespace Sungrow.Protocol;

/// <summary>Bounds of the wire, the same on both ends.</summary>
public static class ProtocolLimits
{
    /// <summary>Samples in one request.</summary>
    public const int MaxSamples = 5_000;

    /// <summary>Bytes of one request's body, decompressed. A server may lower it (<c>MAX_PAYLOAD_BYTES</c>).</summary>
    public const int MaxPayloadBytes = 4 * 1024 * 1024;

    /// <summary>Bodies up to this size travel uncompressed: gzip saves 6 % of a single sample and costs more than it saves.</summary>
    public const int CompressAboveBytes = 1024;

    /// <summary>Entries of each list in one <see cref="EdgeReport"/>.</summary>
    public const int MaxReportEntries = 1_000;

    /// <summary>Characters of a free word in a report: version, model, serial, boot id, reason.</summary>
    public const int MaxReportText = 128;

    /// <summary>Characters of a device id.</summary>
    public const int MaxDeviceIdLength = 64;

    /// <summary>How far ahead of the server's clock a sample may lie.</summary>
    public static readonly TimeSpan MaxAhead = TimeSpan.FromMinutes(5);

    /// <summary>No inverter of ours is older; an earlier time is a clock that was never set.</summary>
    public static readonly DateTimeOffset OldestTimestamp = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
}
