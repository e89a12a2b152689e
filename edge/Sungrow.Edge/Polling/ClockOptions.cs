using Microsoft.Extensions.Options;

namespace Sungrow.Edge.Polling;

internal sealed class ClockOptions
{
    public const string Section = "Clock";

    public const string Auto = "Auto";
    public const string Always = "Always";

    /// <summary>Auto: the machine's clock is believed when somebody vouches for it. Always: as it stands, for a machine whose clock is kept
    /// in another way (a battery and nothing else, a GPS).</summary>
    public string Trust { get; set; } = Auto;
}

internal sealed class ClockOptionsValidator : IValidateOptions<ClockOptions>
{
    public ValidateOptionsResult Validate(string? name, ClockOptions options) =>
        options.Trust is ClockOptions.Auto or ClockOptions.Always
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(Settings.Wrong("Clock__Trust", options.Trust, "Auto or Always"));
}
