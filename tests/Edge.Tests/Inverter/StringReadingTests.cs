using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class StringReadingTests
{
    private static Reading Read(Words words) => StringReading.Of(words.Serve(StringMap.Blocks));

    [Fact]
    public void A_string_inverter_with_a_meter_has_all_but_the_battery() =>
        Assert.Equal(new Reading(3210, 12.3, null, null, null, 1000, 2100), Read(Words.Sg5Rs()));

    [Fact]
    public void A_load_that_stays_zero_is_what_is_made_and_what_the_grid_adds() =>
        Assert.Equal(1000, Read(Words.Sg5Rs().Set32(5090, 0)).LoadPowerWatts);

    [Fact]
    public void A_meter_block_that_is_refused_leaves_load_and_export_null() =>
        Assert.Equal(new Reading(3210, 12.3, null, null, null, null, null), StringReading.Of(Words.Sg5Rs().Serve(StringMap.Main)));

    [Fact]
    public void Zeros_for_a_meter_are_no_meter() =>
        Assert.Equal(
            new Reading(3210, 12.3, null, null, null, null, null),
            Read(Words.Sg5Rs().Set32(5082, 0).Set32(5090, 0).Set32(5094, 0).Set32(5098, 0)));

    [Fact]
    public void A_meter_that_has_moved_on_this_connection_may_stand_still()
    {
        var seen = new MeterSeen();
        var still = Words.Sg5Rs().Set32(5082, 0).Set32(5090, 0).Set32(5094, 0).Set32(5098, 0).Serve(StringMap.Blocks);
        var moving = Words.Sg5Rs().Set32(5094, 0).Set32(5098, 0).Serve(StringMap.Blocks);

        Assert.Null(StringReading.Of(still, seen).ExportPowerWatts);
        Assert.Equal(2100, StringReading.Of(moving, seen).ExportPowerWatts);
        Assert.Equal(0, StringReading.Of(still, seen).ExportPowerWatts);
    }

    [Fact]
    public void A_meter_that_has_counted_does_not_go_back_to_zero()
    {
        var seen = new MeterSeen();
        StringReading.Of(Words.Sg5Rs().Serve(StringMap.Blocks), seen);

        var zeros = Words.Sg5Rs().Set32(5082, 0).Set32(5090, 0).Set32(5094, 0).Set32(5098, 0).Serve(StringMap.Blocks);

        Assert.Null(StringReading.Of(zeros, seen).ExportPowerWatts);
    }

    [Fact]
    public void A_meter_at_zero_is_a_value_and_not_minus_zero()
    {
        var export = Read(Words.Sg5Rs().Set32(5082, 0)).ExportPowerWatts;

        Assert.Equal(0, export);
        Assert.False(double.IsNegative(export!.Value));
    }

    [Fact]
    public void A_resting_inverter_makes_nothing_whatever_its_register_still_holds() =>
        Assert.Equal(0, Read(Words.Sg5Rs().Set(5037, 0x1400)).PvPowerWatts);

    [Fact]
    public void An_absent_power_is_not_made_zero_by_rest() =>
        Assert.Null(Read(Words.Sg5Rs().Set(5037, 0x1400).Set(5016, 0xFFFF, 0xFFFF)).PvPowerWatts);

    [Fact]
    public void A_dongle_that_serves_zeros_everywhere_yields_nothing() => Assert.True(Read(new Words()).IsEmpty);
}
