namespace Sungrow.Vps.Ingest;

internal sealed class TelemetryOptions
{
    public const string Section = "Telemetry";

    /// <summary><c>REQUIRE_TOKEN</c>: false admits telemetry without a token, in networks that are trusted; one that is wrong it never
    /// admits.</summary>
    public bool RequireToken { get; set; } = true;

    /// <summary><c>AUTO_PROVISION</c>: a device that is not registered becomes so with its first message, at a site that is there.</summary>
    public bool AutoProvision { get; set; }
}
