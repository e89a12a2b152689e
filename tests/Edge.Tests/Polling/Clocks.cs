using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Polling;

namespace Sungrow.Edge.Tests.Polling;

/// <summary>Clocks as a test needs them.</summary>
internal static class Clocks
{
    /// <summary>Before any time of a test.</summary>
    public static readonly DateTimeOffset Built = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Believed as it stands.</summary>
    public static ClockTrust Trusted(TimeProvider time) =>
        new(Options.Create(new ClockOptions { Trust = ClockOptions.Always }), time, () => false, Built);

    /// <summary>Believed when the machine or a server vouches for it.</summary>
    public static ClockTrust Auto(TimeProvider time, Func<bool>? isSynchronised = null) =>
        new(Options.Create(new ClockOptions()), time, isSynchronised ?? (() => false), Built);

    public static SampleClock Of(SampleBuffer buffer, TimeProvider time, ClockTrust? trust = null) =>
        new(buffer, trust ?? Trusted(time), time, NullLogger<SampleClock>.Instance);
}
