using Microsoft.Extensions.Options;
using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <summary>What one device may ask of the server; <c>GET /v1/whoami</c> tells it. A rate or a burst of 0 switches that limit
/// off.</summary>
internal sealed class LimitsOptions
{
    public const string Section = "Limits";

    /// <summary><c>MAX_PAYLOAD_BYTES</c>: of one body, decompressed.</summary>
    public int MaxPayloadBytes { get; set; } = ProtocolLimits.MaxPayloadBytes;

    /// <summary><c>RATE_LIMIT_SAMPLES_PER_SECOND</c>: in batches of more than ten.</summary>
    public double SamplesPerSecond { get; set; } = 20_000;

    /// <summary><c>RATE_LIMIT_BURST_SAMPLES</c></summary>
    public double BurstSamples { get; set; } = 100_000;

    /// <summary><c>RATE_LIMIT_REQUESTS_PER_SECOND</c>: batches of at most ten, and reports.</summary>
    public double RequestsPerSecond { get; set; } = 20;

    /// <summary><c>RATE_LIMIT_BURST_REQUESTS</c></summary>
    public double BurstRequests { get; set; } = 200;

    /// <summary><c>RATE_LIMIT_FAILED_AUTH_PER_MINUTE</c>: of one address, or one IPv6 /64.</summary>
    public double FailedAuthPerMinute { get; set; } = 30;
}

internal sealed class LimitsOptionsValidator : IValidateOptions<LimitsOptions>
{
    private const int LeastBytes = 1024;
    private const double LeastRate = 0.001;
    private const double MostRate = 1_000_000_000;

    public ValidateOptionsResult Validate(string? name, LimitsOptions options)
    {
        List<string> wrong = [];
        if (options.MaxPayloadBytes is < LeastBytes or > ProtocolLimits.MaxPayloadBytes)
        {
            wrong.Add(Settings.Wrong(
                LimitsOptions.Section, nameof(options.MaxPayloadBytes), options.MaxPayloadBytes,
                $"{LeastBytes} .. {ProtocolLimits.MaxPayloadBytes}"));
        }

        Check(nameof(options.SamplesPerSecond), options.SamplesPerSecond, LeastRate);
        Check(nameof(options.BurstSamples), options.BurstSamples, 1);
        Check(nameof(options.RequestsPerSecond), options.RequestsPerSecond, LeastRate);
        Check(nameof(options.BurstRequests), options.BurstRequests, 1);
        Check(nameof(options.FailedAuthPerMinute), options.FailedAuthPerMinute, 1);
        return wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(wrong);

        void Check(string property, double value, double least)
        {
            if (value != 0 && !(value >= least && value <= MostRate))
            {
                wrong.Add(Settings.Wrong(LimitsOptions.Section, property, value, $"{least} .. 1000000000, or 0 for no limit"));
            }
        }
    }
}
