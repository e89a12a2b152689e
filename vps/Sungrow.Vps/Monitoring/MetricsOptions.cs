using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Monitoring;

internal sealed class MetricsOptions
{
    public const string Section = "Metrics";

    /// <summary>Where <c>/metrics</c> is served in Prometheus' text format, for example <c>http://127.0.0.1:9464</c>. Blank: nowhere.
    /// Nobody is asked for a token there: an address that the world cannot reach.</summary>
    public string Url { get; set; } = "";
}

internal sealed class MetricsOptionsValidator : IValidateOptions<MetricsOptions>
{
    public ValidateOptionsResult Validate(string? name, MetricsOptions options) =>
        options.Url.Length == 0
        || (Uri.TryCreate(options.Url, UriKind.Absolute, out var url) && url is { Scheme: "http", AbsolutePath: "/", Query: "", UserInfo: "" })
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(Settings.Wrong(
                MetricsOptions.Section, nameof(options.Url), options.Url, "http://address:port of this machine, for example http://127.0.0.1:9464"));
}
