using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class HybridReadingTests
{
    private static Reading Read(Words words) => HybridReading.Of(words.Serve(HybridMap.Blocks));

    [Fact]
    public void An_SH10RT_reads_as_it_measured() =>
        Assert.Equal(new Reading(1201, 36.1, 0, 95.5, 31.0, 1106, -180), Read(Words.Sh10Rt()));

    [Fact]
    public void An_SH20T_behind_a_dongle_reads_as_it_measured() =>
        Assert.Equal(new Reading(9327, 107.2, 0, 100, 18.0, 493, 8509), Read(Words.Sh20T()));

    [Fact]
    public void A_block_that_is_not_served_leaves_its_metrics_null() =>
        Assert.Equal(
            new Reading(null, 36.1, 0, 95.5, 31.0, 1106, -180),
            HybridReading.Of(Words.Sh10Rt().Serve(HybridMap.Main)));

    [Fact]
    public void Without_the_main_block_what_remains_is_still_read() =>
        Assert.Equal(
            new Reading(1201, null, -2500, null, null, null, null),
            HybridReading.Of(Words.Sh10Rt().Set32(5213, -2500).Serve(HybridMap.Pv, HybridMap.Battery)));

    [Fact]
    public void Everything_absent_is_null_and_nothing_is_zero() =>
        Assert.True(Read(Words.Sh10Rt()
            .Set(5016, 0xFFFF, 0xFFFF).Set(5213, 0xFFFF, 0x7FFF)
            .Set(13001, 0xFFFF).Set(13007, 0xFFFF, 0x7FFF, 0xFFFF, 0x7FFF)
            .Set(13019, 0xFFFF, 0x7FFF, 0x7FFF, 0xFFFF, 0xFFFF, 0x7FFF)).IsEmpty);

    // 5214, 13022, 13020 x 13021, flow -> signed power. 0x7FFF..: absent. Flow 2: charging, 4: discharging.
    [Theory]
    [InlineData(1251, 1251, 0, 0, 1251.0)] // 5214 wins
    [InlineData(-1249, 1249, 0, 0, -1249.0)] // 5214 signs what 13022 does not
    [InlineData(1500, 1500, 0, 2, 1500.0)] // 5214 needs no flow bit, even one that denies it
    [InlineData(int.MaxValue, -800, 0, 0, -800.0)] // 13022 of new firmware, flow bits stuck at 0
    [InlineData(int.MaxValue, 800, 0, 2, -800.0)] // 13022 of old firmware, charging
    [InlineData(int.MaxValue, 800, 0, 4, 800.0)] // 13022 of old firmware, discharging
    [InlineData(int.MaxValue, -800, 0, 4, -800.0)] // "discharging" is not believed: forced mode says so while surplus charges
    [InlineData(int.MaxValue, 800, -40, 0, -800.0)] // the current's sign decides where the bits are stuck
    [InlineData(int.MaxValue, 800, 40, 0, null)] // a magnitude, and nothing says which way
    [InlineData(int.MaxValue, 0, 0, 0, 0.0)] // nothing has no direction
    [InlineData(int.MaxValue, short.MaxValue, 40, 4, 797.2)] // volts x amperes
    [InlineData(int.MaxValue, short.MaxValue, 40, 0, null)]
    [InlineData(int.MaxValue, short.MaxValue, 40, 2, -797.2)]
    [InlineData(int.MaxValue, short.MaxValue, -40, 0, -797.2)]
    [InlineData(int.MaxValue, short.MaxValue, short.MaxValue, 0, null)]
    [InlineData(-1, 2500, 0, 2, -2500.0)] // firmware without 5214 serves all bits set there
    [InlineData(-1, -1, 0, 0, -1.0)]
    [InlineData(int.MaxValue, 800, -1, 0, null)] // all bits set is a current that is not there, no minus
    [InlineData(int.MaxValue, short.MaxValue, -1, 2, null)] // nor one to multiply with
    [InlineData(int.MaxValue, -1, 40, 4, 797.2)] // and a power that is not there
    [InlineData(int.MaxValue, 800, 0, 0x29, null)] // bits that serve, and deny both
    [InlineData(int.MaxValue, 12, 0, 0x29, 12.0)] // a battery at rest
    [InlineData(-1, 0, 0, 0, -1.0)] // a watt either way is a battery at rest
    public void Battery_power_is_signed_across_firmwares(int fine, short legacy, short decialAmperes, ushort flow, double? watts) =>
        Assert.Equal(watts, Read(Words.Sh10Rt()
            .Set32(5213, fine).Set(13000, flow).Set(13020, (ushort)decialAmperes, (ushort)legacy)).BatteryPowerWatts);

    [Fact]
    public void A_firmware_that_has_shown_a_minus_needs_no_flow_bits()
    {
        var sign = new BatterySign();

        Assert.Null(At(800));
        Assert.Equal(-700, At(-700));
        Assert.Equal(800, At(800));

        double? At(int watts) => HybridReading.Of(
            Words.Sh10Rt().Set(13000, 0).Set(13021, (ushort)watts).Serve(HybridMap.Main, HybridMap.Pv), sign).BatteryPowerWatts;
    }

    // Without sun the inverter's own power is the battery's: given to the house, or taken from the grid to charge.
    [Theory]
    [InlineData(760, 800.0)]
    [InlineData(-840, -800.0)]
    [InlineData(0, null)]
    [InlineData(-15, null)]
    [InlineData(int.MaxValue, null)]
    public void At_night_the_inverters_power_tells_the_way_of_a_magnitude(int activeWatts, double? watts) =>
        Assert.Equal(watts, HybridReading.Of(
            Words.Sh10Rt().Set(5016, 0, 0).Set(13000, 0).Set(13021, 800).Set32(13033, activeWatts)
                .Serve(HybridMap.Main, HybridMap.Pv)).BatteryPowerWatts);

    [Fact]
    public void By_day_the_inverters_power_tells_nothing() =>
        Assert.Null(HybridReading.Of(
            Words.Sh10Rt().Set(5016, 300, 0).Set(13000, 0).Set(13021, 800).Set32(13033, 900)
                .Serve(HybridMap.Main, HybridMap.Pv)).BatteryPowerWatts);

    [Fact]
    public void A_meter_that_has_counted_may_show_zero() =>
        Assert.Equal(0, Read(Words.Sh20T().Set(13007, 0, 0, 0, 0)).ExportPowerWatts);

    [Fact]
    public void Without_5214_the_older_register_is_taken() =>
        Assert.Equal(-800, HybridReading.Of(
            Words.Sh10Rt().Set(13021, unchecked((ushort)-800)).Serve(HybridMap.Main, HybridMap.Pv)).BatteryPowerWatts);

    [Fact]
    public void A_lone_inverter_without_a_battery_has_no_battery_metrics()
    {
        var reading = Read(Words.Sh10Rt().Set(13019, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF).Set(5213, 0xFFFF, 0xFFFF));

        Assert.Equal(new Reading(1201, 36.1, null, null, null, 1106, -180), reading);
    }

    [Fact]
    public void A_dongles_zeros_for_a_battery_are_no_battery() =>
        Assert.Equal(
            new Reading(9327, 107.2, null, null, null, 493, 8509),
            Read(Words.Sh20T().Set(13019, 0, 0, 0, 0, 0, 0)));

    [Fact]
    public void An_empty_battery_at_freezing_point_is_still_a_battery() =>
        Assert.Equal(
            new Reading(9327, 107.2, 0, 0, 0, 493, 8509),
            Read(Words.Sh20T().Set(13019, 5878, 0, 0, 0, 980, 0)));

    [Fact]
    public void Frost_is_negative() =>
        Assert.Equal(-5.5, Read(Words.Sh10Rt().Set(13024, unchecked((ushort)-55))).BatteryTemperatureCelsius);

    [Fact]
    public void A_dongle_that_serves_zeros_everywhere_yields_nothing() =>
        Assert.True(HybridReading.Of(new Words().Serve(HybridMap.Blocks)).IsEmpty);

    [Fact]
    public void Old_firmware_that_runs_in_state_zero_is_read() =>
        Assert.Equal(36.1, Read(Words.Sh10Rt().Set(12999, 0, 0)).PvDailyKwh);
}
