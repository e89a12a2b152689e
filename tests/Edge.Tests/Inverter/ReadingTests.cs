using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class ReadingTests
{
    [Fact]
    public void An_impossible_value_is_left_out_by_name_and_the_others_stay()
    {
        List<string> impossible = [];

        var kept = new Reading(500_001, 36.1, -500_001, 100.1, -40.1, 1106, -180).KeepPossible(nominalWatts: null, impossible);

        Assert.Equal(new Reading(null, 36.1, null, null, null, 1106, -180), kept);
        Assert.Equal(["pv_power_w", "battery_power_w", "battery_soc_pct", "battery_temp_c"], impossible);
    }

    [Fact]
    public void The_ends_of_every_range_are_possible()
    {
        List<string> impossible = [];
        var lowest = new Reading(0, 0, -500_000, 0, -40, -500_000, -500_000);
        var highest = new Reading(500_000, 12_000, 500_000, 100, 80, 500_000, 500_000);

        Assert.Equal(lowest, lowest.KeepPossible(nominalWatts: null, impossible));
        Assert.Equal(highest, highest.KeepPossible(nominalWatts: null, impossible));
        Assert.Empty(impossible);
    }

    [Fact]
    public void What_an_inverters_size_allows_is_possible_up_to_its_ends()
    {
        List<string> impossible = [];
        var lowest = new Reading(0, 0, -30_000, 0, -40, -10_000, -60_000);
        var highest = new Reading(20_000, 240, 30_000, 100, 80, 65_535, 60_000);

        Assert.Equal(lowest, lowest.KeepPossible(10_000, impossible));
        Assert.Equal(highest, highest.KeepPossible(10_000, impossible));
        Assert.Empty(impossible);

        new Reading(20_001, 240.1, 30_001, 100, 80, 65_536, 60_001).KeepPossible(10_000, impossible);
        Assert.Equal(["pv_power_w", "pv_daily_kwh", "battery_power_w", "load_power_w", "export_power_w"], impossible);

        impossible.Clear();
        new Reading(0, 0, -30_001, 0, -40, -10_001, -60_001).KeepPossible(10_000, impossible);
        Assert.Equal(["battery_power_w", "load_power_w", "export_power_w"], impossible);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(7)]
    public void A_few_watts_with_swapped_words_are_impossible_in_a_house(int watts)
    {
        List<string> impossible = [];
        double swapped = watts << 16;

        var kept = new Reading(swapped, 36.1, swapped, 95.5, 31, swapped, swapped).KeepPossible(10_000, impossible);

        Assert.Equal(new Reading(null, 36.1, null, 95.5, 31, null, null), kept);
    }

    [Fact]
    public void A_large_inverters_powers_are_possible()
    {
        List<string> impossible = [];
        var reading = new Reading(200_000, 1500, -125_000, 95.5, 31, 250_000, 200_000);

        Assert.Equal(reading, reading.KeepPossible(125_000, impossible));

        // The wire's own limits hold whatever an inverter says of its size.
        new Reading(500_001, 0, 0, 0, 0, 0, 0).KeepPossible(400_000, impossible);
        Assert.Equal(["pv_power_w"], impossible);
    }

    [Fact]
    public void One_zero_is_a_reading_and_seven_nulls_are_none()
    {
        Assert.True(new Reading(null, null, null, null, null, null, null).IsEmpty);
        Assert.False(new Reading(0, null, null, null, null, null, null).IsEmpty);
    }
}
