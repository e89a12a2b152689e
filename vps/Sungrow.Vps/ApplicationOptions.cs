using Microsoft.Extensions.Options;

namespace Sungrow.Vps;

internal enum RunMode
{
    /// <summary>A customer's own: stores what his edges send, and pushes it on where that is switched on.</summary>
    Client,

    /// <summary>Also takes what other VPSs push: <c>POST /api/fleet/ingest</c>.</summary>
    Admin,
}

internal sealed class ApplicationOptions
{
    public const string Section = "Application";

    /// <summary><c>Application__RunMode</c></summary>
    public RunMode RunMode { get; set; } = RunMode.Client;
}

internal sealed class ApplicationOptionsValidator : IValidateOptions<ApplicationOptions>
{
    public ValidateOptionsResult Validate(string? name, ApplicationOptions options) =>
        Enum.IsDefined(options.RunMode)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(
                Settings.Wrong(ApplicationOptions.Section, nameof(options.RunMode), options.RunMode, "Client or Admin"));
}
