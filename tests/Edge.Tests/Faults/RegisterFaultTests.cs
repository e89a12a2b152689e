using Sungrow.Edge.Inverter;
using Sungrow.Simulator;
using Xunit;
using Simulated = Sungrow.Simulator.InverterOptions;

namespace Sungrow.Edge.Tests.Faults;

/// <summary>What stands wrong in the registers becomes a null, never another value.</summary>
public class RegisterFaultTests
{
    private const string Morning = "2026-09-08T10:30:00Z"; // the battery charges
    private const string Afternoon = "2026-09-08T14:15:00Z"; // the battery is full, 8 kW go to the grid
    private const string Evening = "2026-09-08T19:30:00Z"; // the battery feeds the house

    [Fact(Timeout = Bench.Deadline)]
    public async Task Without_faults_every_value_is_the_days()
    {
        await using var bench = Bench.Start(Morning);

        Assert.Equal(bench.Truth(), (await bench.PollsAsync()).Reading);
    }

    [Fact(Timeout = Bench.Deadline)]
    public async Task Sentinels_everywhere_are_nulls_everywhere()
    {
        await using var bench = Bench.Start(Afternoon).With("sentinels");

        Assert.Equal(Reading.Empty, (await bench.PollsAsync()).Reading);

        bench.With();
        Assert.Equal(bench.Truth(), (await bench.PollsAsync()).Reading);
    }

    [Theory(Timeout = Bench.Deadline)]
    [InlineData("U32", "pv_power_w")]
    [InlineData("S32", "load_power_w export_power_w")] // battery power has a second source
    [InlineData("S16", "battery_temp_c")]
    [InlineData("U16", "pv_daily_kwh battery_power_w battery_soc_pct battery_temp_c")] // neither volts nor charge: no battery
    public async Task The_sentinel_of_one_type_is_null_and_the_other_values_stay(string type, string absent)
    {
        await using var bench = Bench.Start(Morning).With($"sentinels={type}");
        var truth = bench.Truth();
        var gone = absent.Split(' ');

        var expected = new Reading(
            Unless("pv_power_w", truth.PvPowerWatts),
            Unless("pv_daily_kwh", truth.PvDailyKwh),
            Unless("battery_power_w", truth.BatteryPowerWatts),
            Unless("battery_soc_pct", truth.BatterySocPercent),
            Unless("battery_temp_c", truth.BatteryTemperatureCelsius),
            Unless("load_power_w", truth.LoadPowerWatts),
            Unless("export_power_w", truth.ExportPowerWatts));
        Assert.Equal(expected, (await bench.PollsAsync()).Reading);

        double? Unless(string name, double? value) => gone.Contains(name) ? null : value;
    }

    [Theory(Timeout = Bench.Deadline)]
    [InlineData(InverterPath.Lan, "")]
    [InlineData(InverterPath.Lan, "zeros")]
    [InlineData(InverterPath.WiNet, "")]
    public async Task A_battery_that_is_not_there_has_no_values_whether_absent_or_zero(object path, string fault)
    {
        await using var bench = Bench.Start(Afternoon, new Simulated { Path = (InverterPath)path, Battery = false });
        bench.With(fault.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        var expected = bench.Truth() with { BatteryPowerWatts = null, BatterySocPercent = null, BatteryTemperatureCelsius = null };
        Assert.Equal(expected, (await bench.PollsAsync()).Reading);
    }

    [Theory(Timeout = Bench.Deadline)]
    [InlineData("SH10RT", InverterPath.Lan, "", Afternoon)]
    [InlineData("SH10RT", InverterPath.Lan, "zeros", Morning)]
    [InlineData("SH10RT", InverterPath.WiNet, "", Morning)]
    [InlineData("SH10RT", InverterPath.WiNet, "", Evening)]
    [InlineData("SH5K-30", InverterPath.WiNet, "", Afternoon)]
    public async Task A_meter_that_is_not_there_has_no_values_whether_absent_or_zero(string model, object path, string fault, string at)
    {
        var options = new Simulated { Model = Named(model), Path = (InverterPath)path, Meter = false };
        await using var bench = Bench.Start(at, options).With(fault.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(bench.Truth() with { LoadPowerWatts = null, ExportPowerWatts = null }, (await bench.PollsAsync()).Reading);
    }

    [Theory(Timeout = Bench.Deadline)]
    [InlineData(InverterPath.Lan, true)]
    [InlineData(InverterPath.Lan, false)]
    [InlineData(InverterPath.WiNet, true)]
    [InlineData(InverterPath.WiNet, false)]
    public async Task A_string_inverter_knows_its_sun_and_with_a_meter_the_house(object path, bool meter)
    {
        var options = new Simulated { Model = Named("SG5.0RS"), Path = (InverterPath)path, Meter = meter };
        await using var bench = Bench.Start(Afternoon, options);
        var truth = bench.Truth() with { BatteryPowerWatts = null, BatterySocPercent = null, BatteryTemperatureCelsius = null };

        var polled = await bench.PollsAsync();

        Assert.Equal("SG5.0RS", polled.Identity.Model);
        Assert.Equal(meter ? truth : truth with { LoadPowerWatts = null, ExportPowerWatts = null }, polled.Reading);
    }

    [Fact(Timeout = Bench.Deadline)]
    public async Task A_string_inverter_that_answers_at_night_gives_zero_and_keeps_its_day()
    {
        await using var bench = Bench.Start("2026-09-08T22:00:00Z", new Simulated { Model = Named("SG5.0RS") });

        var reading = (await bench.PollsAsync()).Reading;

        Assert.Equal(0, reading.PvPowerWatts);
        Assert.Equal(bench.Truth().PvDailyKwh, reading.PvDailyKwh);
        Assert.Equal(-bench.Truth().LoadPowerWatts, reading.ExportPowerWatts);
    }

    [Theory(Timeout = Bench.Deadline)]
    [InlineData("SH5.0RS", InverterPath.Lan, 1)]
    [InlineData("SH10RS", InverterPath.Lan, 1)]
    [InlineData("SH20T", InverterPath.Lan, 3)]
    [InlineData("SH20T", InverterPath.WiNet, 3)]
    [InlineData("SH5K-30", InverterPath.Lan, 1)]
    [InlineData("SH5K-30", InverterPath.WiNet, 1)]
    public async Task Every_hybrid_is_read_as_its_day_is(string model, object path, int phases)
    {
        foreach (var at in new[] { Morning, Afternoon, Evening })
        {
            await using var bench = Bench.Start(at, new Simulated { Model = Named(model), Path = (InverterPath)path });

            var polled = await bench.PollsAsync();

            Assert.Equal((model, phases), (polled.Identity.Model, polled.Identity.Phases));
            Assert.Equal(bench.Truth(), polled.Reading);
        }
    }

    [Fact(Timeout = Bench.Deadline)]
    public async Task Swapped_words_are_impossible_powers_and_no_values()
    {
        await using var bench = Bench.Start(Afternoon).With("word-swap");

        var polled = await bench.PollsAsync();

        var expected = bench.Truth() with { PvPowerWatts = null, LoadPowerWatts = null, ExportPowerWatts = null };
        Assert.Equal(0, expected.BatteryPowerWatts); // zero looks the same either way
        Assert.Equal(expected, polled.Reading);
        Assert.Equal(["export_power_w", "load_power_w", "pv_power_w"], polled.Impossible.Order());
    }

    // The regulator holds the export near 0: one watt, swapped, is 65536 W, which the larger of these may well have.
    [Theory(Timeout = Bench.Deadline)]
    [InlineData("SH10RT", Morning)]
    [InlineData("SH10RT", Evening)]
    [InlineData("SH5.0RS", Morning)]
    [InlineData("SH5.0RS", Evening)]
    [InlineData("SG5.0RS", Morning)]
    [InlineData("SH20T", Morning)]
    [InlineData("SH20T", Evening)]
    [InlineData("SG10RT", Afternoon)]
    public async Task Small_powers_with_swapped_words_are_no_values(string model, string at)
    {
        await using var bench = Bench.Start(at, new Simulated { Model = Named(model) });

        for (var minute = 0; minute < 15; minute++)
        {
            bench.With("word-swap").Pass(TimeSpan.FromMinutes(1));
            var (reading, truth) = ((await bench.PollsAsync()).Reading, bench.Truth());

            IsTrueOrNull(truth.PvPowerWatts, reading.PvPowerWatts);
            IsTrueOrNull(truth.BatteryPowerWatts, reading.BatteryPowerWatts);
            IsTrueOrNull(truth.LoadPowerWatts, reading.LoadPowerWatts);
            IsTrueOrNull(truth.ExportPowerWatts, reading.ExportPowerWatts);
        }

        static void IsTrueOrNull(double? truth, double? read) => Assert.True(read is null || read == truth, $"{read} for {truth}");
    }

    [Theory(Timeout = Bench.Deadline)]
    [InlineData("illegal-address=6099")]
    [InlineData("illegal-address=13249")]
    [InlineData("illegal-address=5213")] // battery power comes from its older register
    [InlineData("flow-zero")]
    [InlineData("zeros")]
    public async Task What_is_missing_beside_the_sample_costs_the_sample_nothing(string fault)
    {
        foreach (var at in new[] { Morning, Afternoon, Evening })
        {
            await using var bench = Bench.Start(at).With(fault);

            Assert.Equal(bench.Truth(), (await bench.PollsAsync()).Reading);
        }
    }

    [Theory(Timeout = Bench.Deadline)]
    [InlineData("illegal-address=13001", true)]
    [InlineData("illegal-address=5016", false)]
    public async Task A_refused_block_is_null_and_the_others_stay(string fault, bool main)
    {
        await using var bench = Bench.Start(Morning).With(fault);
        var truth = bench.Truth();

        var reading = (await bench.PollsAsync()).Reading;

        var expected = main
            ? Reading.Empty with { PvPowerWatts = truth.PvPowerWatts, BatteryPowerWatts = truth.BatteryPowerWatts }
            : truth with { PvPowerWatts = null };
        Assert.Equal(expected, reading);
    }

    [Theory(Timeout = Bench.Deadline)]
    [InlineData(Morning)]
    [InlineData(Evening)]
    public async Task Battery_power_keeps_its_sign_when_firmware_turns_a_magnitude_into_a_signed_value(string at)
    {
        await using var bench = Bench.Start(at, new Simulated { Model = Named("SH5K-30") });

        bench.With("battery-magnitude");
        Assert.Equal(bench.Truth(), (await bench.PollsAsync()).Reading);

        bench.With();
        Assert.Equal(bench.Truth(), (await bench.PollsAsync()).Reading);

        bench.With("flow-zero");
        Assert.Equal(bench.Truth(), (await bench.PollsAsync()).Reading);
    }

    [Theory(Timeout = Bench.Deadline)]
    [InlineData("SH5K-30", InverterPath.WiNet, "battery-magnitude")] // a dongle's flow bits are stuck
    [InlineData("SH5K-30", InverterPath.Lan, "battery-magnitude flow-zero")]
    [InlineData("SH10RT", InverterPath.Lan, "battery-magnitude flow-zero illegal-address=5213")]
    public async Task A_magnitude_beside_stuck_flow_bits_is_no_value(string model, object path, string faults)
    {
        await using var bench = Bench.Start(Morning, new Simulated { Model = Named(model), Path = (InverterPath)path });

        bench.With(faults.Split(' '));

        Assert.Equal(bench.Truth() with { BatteryPowerWatts = null }, (await bench.PollsAsync()).Reading);
    }

    [Theory(Timeout = Bench.Deadline)]
    [InlineData("SH10RT")]
    [InlineData("SG5.0RS")]
    public async Task Zero_in_every_register_is_nothing_and_nobody(string model)
    {
        await using var bench = Bench.Start(Afternoon, new Simulated { Model = Named(model) });
        await bench.PollsAsync();

        bench.With("all-zero");
        Assert.Equal(Reading.Empty, (await bench.PollsAsync()).Reading);

        await using var meets = Bench.Start(Afternoon, new Simulated { Model = Named(model) }).With("all-zero");
        Assert.Equal(UnreachableReason.NotIdentified, (await meets.FailsAsync()).Reason);

        meets.With();
        Assert.Equal(meets.Truth().PvPowerWatts, (await meets.RecoversAsync()).Reading.PvPowerWatts);
    }

    private static Model Named(string name) => Model.All.Single(model => model.Name == name);
}
