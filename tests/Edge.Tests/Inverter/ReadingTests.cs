using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class ReadingTests
{
    [Fact]
    public void An_impossible_value_is_left_out_by_name_and_the_others_stay()
    {
        List<string> impossible = [];

        var kept = new Reading(500_001, 36.1, -500_001, 100.1, -40.1, 1106, -180).KeepPossible(impossible);

        Assert.Equal(new Reading(null, 36.1, null, null, null, 1106, -180), kept);
        Assert.Equal(["pv_power_w", "battery_power_w", "battery_soc_pct", "battery_temp_c"], impossible);
    }

    [Fact]
    public void The_ends_of_every_range_are_possible()
    {
        List<string> impossible = [];
        var lowest = new Reading(0, 0, -500_000, 0, -40, -500_000, -500_000);
        var highest = new Reading(500_000, 12_000, 500_000, 100, 80, 500_000, 500_000);

        Assert.Equal(lowest, lowest.KeepPossible(impossible));
        Assert.Equal(highest, highest.KeepPossible(impossible));
        Assert.Empty(impossible);
    }

    [Fact]
    public void One_zero_is_a_reading_and_seven_nulls_are_none()
    {
        Assert.True(new Reading(null, null, null, null, null, null, null).IsEmpty);
        Assert.False(new Reading(0, null, null, null, null, null, null).IsEmpty);
    }
}
