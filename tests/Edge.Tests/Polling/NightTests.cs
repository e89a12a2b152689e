using Sungrow.Edge.Inverter;
using Sungrow.Edge.Polling;
using Xunit;

namespace Sungrow.Edge.Tests.Polling;

public class NightTests
{
    [Theory]
    // The sun went down, and is down.
    [InlineData(UnreachableReason.NoAnswer, InverterFamily.String, 12.0, 1, 21, true)]
    [InlineData(UnreachableReason.Refused, InverterFamily.String, 0.0, 9, 6, true)]
    [InlineData(UnreachableReason.TimedOut, InverterFamily.String, null, 0.01, 17, true)]
    // It is day.
    [InlineData(UnreachableReason.NoAnswer, InverterFamily.String, 0.0, 14, 11, false)]
    [InlineData(UnreachableReason.NoAnswer, InverterFamily.String, 0.0, 24, 20, false)]
    // It was producing.
    [InlineData(UnreachableReason.NoAnswer, InverterFamily.String, 3000.0, 1, 17, false)]
    // A battery keeps it awake.
    [InlineData(UnreachableReason.NoAnswer, InverterFamily.Hybrid, 0.0, 1, 23, false)]
    // Sleep is silence, and nothing else.
    [InlineData(UnreachableReason.NotModbus, InverterFamily.String, 0.0, 1, 23, false)]
    [InlineData(UnreachableReason.NameNotFound, InverterFamily.String, 0.0, 1, 23, false)]
    internal void A_string_inverter_sleeps_after_dusk(
        UnreachableReason reason, InverterFamily family, double? watts, double hoursSince, int localHour, bool isNight)
    {
        var inverter = new InverterIdentity("A1", 0x2606, "SG5.0RS", family, 5_000, 1);

        Assert.Equal(
            isNight, Night.Explains(reason, (inverter, watts), TimeSpan.FromHours(hoursSince), TimeSpan.FromHours(localHour)));
    }

    [Fact]
    public void Of_an_inverter_never_seen_nothing_is_known() =>
        Assert.False(Night.Explains(UnreachableReason.NoAnswer, null, TimeSpan.Zero, TimeSpan.FromHours(23)));
}
