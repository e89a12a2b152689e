using Microsoft.Extensions.Options;
using Sungrow.Protocol;

namespace Sungrow.Vps.Fleet;

/// <summary>Pushing to another VPS; nothing of it runs unless it is switched on here and the run mode is Client.</summary>
internal sealed class FleetIngestOptions
{
    public const string Section = "FleetIngest";

    public bool Enabled { get; set; }

    /// <summary>Of the admin VPS, https://fleet.example; the route is added.</summary>
    public string Url { get; set; } = "";

    /// <summary>As <c>sungrow-vps customers add</c> shows it there. Secret.</summary>
    public string Token { get; set; } = "";

    public TimeSpan Interval { get; set; } = TimeSpan.FromMinutes(1);

    public bool PushesIn(RunMode mode) => Enabled && mode == RunMode.Client;

    /// <summary>Where batches are posted.</summary>
    public Uri Address => new($"{Url.TrimEnd('/')}{FleetIngestEndpoint.Route}");
}

internal sealed class FleetIngestOptionsValidator(IOptions<ApplicationOptions> application) : IValidateOptions<FleetIngestOptions>
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    public ValidateOptionsResult Validate(string? name, FleetIngestOptions options)
    {
        List<string> wrong = [];
        if (options.Interval < Shortest || options.Interval > Longest)
        {
            wrong.Add(Settings.Wrong(FleetIngestOptions.Section, nameof(options.Interval), options.Interval, "00:00:01 .. 1.00:00:00"));
        }

        var pushes = options.PushesIn(application.Value.RunMode);
        if (pushes && !IsAllowed(options.Url))
        {
            wrong.Add(Settings.Wrong(
                FleetIngestOptions.Section, nameof(options.Url), options.Url,
                "https://host[:port], or http:// to this machine alone: the token travels with it"));
        }

        if (pushes && !IsHeader(options.Token))
        {
            wrong.Add(Settings.WrongSecret(
                FleetIngestOptions.Section, nameof(options.Token), options.Token.Length == 0 ? "not set" : "malformed",
                "the token that 'sungrow-vps customers add' showed on the admin VPS"));
        }

        return wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(wrong);
    }

    private static bool IsAllowed(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var address) && address.UserInfo.Length == 0 && address.Query.Length == 0
        && (address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback));

    private static bool IsHeader(string token) =>
        token.Length is > 0 and <= ProtocolLimits.MaxReportText && token.All(character => character is > ' ' and <= '~');
}
