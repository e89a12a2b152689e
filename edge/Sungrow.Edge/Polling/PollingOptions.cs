using Microsoft.Extensions.Options;
using Sungrow.Protocol;

namespace Sungrow.Edge.Polling;

internal sealed class PollingOptions
{
    public const string Section = "Polling";

    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    /// <summary>Time between polls, 1 s to 1 h. Polls start at its multiples of the clock: 10 s means :00, :10, :20.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Polls averaged into one sample, 1 to 3600; with <see cref="Interval"/> at most 1 h.</summary>
    public int SamplesPerRow { get; set; } = 1;

    public IEnumerable<string> Errors()
    {
        if (Interval < Shortest || Interval > Longest)
        {
            yield return Settings.Wrong("Polling__Interval", Interval, "00:00:01 to 01:00:00");
        }

        if (SamplesPerRow is < SampleRules.MinSampleCount or > SampleRules.MaxSampleCount)
        {
            yield return Settings.Wrong("Polling__SamplesPerRow", SamplesPerRow, "1 to 3600");
        }
        else if (Interval <= Longest && Interval * SamplesPerRow > Longest)
        {
            yield return Settings.Wrong(
                "Polling__SamplesPerRow", SamplesPerRow, $"1 h in all, at most {Math.Floor(Longest / Interval)} polls of {Interval}");
        }
    }
}

internal sealed class PollingOptionsValidator : IValidateOptions<PollingOptions>
{
    public ValidateOptionsResult Validate(string? name, PollingOptions options) =>
        options.Errors().ToList() is { Count: > 0 } errors ? ValidateOptionsResult.Fail(errors) : ValidateOptionsResult.Success;
}

internal sealed class DeviceOptions
{
    public const string Section = "Device";

    /// <summary>The device id of every sample. Unset: the inverter's serial number.</summary>
    public string? Id { get; set; }
}

internal sealed class DeviceOptionsValidator : IValidateOptions<DeviceOptions>
{
    public ValidateOptionsResult Validate(string? name, DeviceOptions options) =>
        options.Id is null || DeviceIds.IsWellFormed(options.Id)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(Settings.Wrong("Device__Id", options.Id, DeviceIds.Form));
}
