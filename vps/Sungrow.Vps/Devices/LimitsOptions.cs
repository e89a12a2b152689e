using Microsoft.Extensions.Options;
using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <summary>What one device may ask of the server; <c>GET /v1/whoami</c> tells it.</summary>
internal sealed class LimitsOptions
{
    public const string Section = "Limits";

    /// <summary><c>MAX_PAYLOAD_BYTES</c>: of one body, decompressed.</summary>
    public int MaxPayloadBytes { get; set; } = ProtocolLimits.MaxPayloadBytes;
}

internal sealed class LimitsOptionsValidator : IValidateOptions<LimitsOptions>
{
    private const int Least = 1024;

    public ValidateOptionsResult Validate(string? name, LimitsOptions options) =>
        options.MaxPayloadBytes is >= Least and <= ProtocolLimits.MaxPayloadBytes
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(Settings.Wrong(
                LimitsOptions.Section, nameof(options.MaxPayloadBytes), options.MaxPayloadBytes,
                $"{Least} .. {ProtocolLimits.MaxPayloadBytes}"));
}
