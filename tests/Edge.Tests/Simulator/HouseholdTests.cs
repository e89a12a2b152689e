using Sungrow.Simulator.Day;
using Xunit;

namespace Sungrow.Edge.Tests.Simulator;

public class HouseholdTests
{
    private const double FullWattSeconds = 9_600 * 3_600.0;
    private static readonly DateTimeOffset Tuesday = new(2026, 9, 8, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4711)]
    public void The_registers_balance_to_the_watt_at_every_instant(int seed)
    {
        var household = New(seed);
        for (var at = Tuesday; at < Tuesday.AddDays(3); at = at.AddSeconds(61))
        {
            var reading = household.At(at);
            var pv = Served.U32(reading, 5016);
            var battery = Served.S32(reading, 5213);
            var load = Served.S32(reading, 13007);
            var export = Served.S32(reading, 13009);

            var losses = pv + battery - export - load;

            Assert.InRange(losses, 60 + (0.025 * pv) - 0.5, 60 + (0.025 * pv) + 0.5);
            Assert.Equal(load + export, Served.S32(reading, 13033));
            Assert.Equal(-export, Served.S32(reading, 5600));
            Assert.Equal(-export, Served.S32(reading, 5602) + Served.S32(reading, 5604) + Served.S32(reading, 5606));
        }
    }

    // PV is exact, the load has 10 W of life, battery and export share another 20 W of regulator error. The state of charge is within 3
    // points, on the steep morning within 9: the worked day held each sample for its quarter of an hour, here lines join them, so that the
    // energy of a rise comes earlier.
    [Theory]
    [InlineData("00:30", 0, 440, 50, 380, 0, 3)]
    [InlineData("06:30", 137, 526, 20, 600, 0, 3)]
    [InlineData("08:00", 381, 389, 14, 700, 0, 3)]
    [InlineData("10:00", 1445, -649, 26, 700, 0, 3)]
    [InlineData("10:30", 5557, -4658, 31, 700, 0, 9)]
    [InlineData("11:30", 4941, -4057, 69, 700, 0, 9)]
    [InlineData("12:30", 2732, -23, 100, 1100, 1481, 3)]
    [InlineData("14:15", 9187, 0, 100, 900, 7997, 3)]
    [InlineData("16:30", 5255, 0, 100, 900, 4164, 3)]
    [InlineData("17:30", 1084, 0, 100, 900, 97, 3)]
    [InlineData("19:30", 0, 1760, 78, 1700, 0, 3)]
    [InlineData("21:00", 0, 760, 50, 700, 0, 3)]
    [InlineData("23:30", 0, 480, 31, 420, 0, 3)]
    public void The_worked_day_comes_out_when_it_begins_with_its_charge(
        string time, int pv, int battery, double soc, int load, int export, double socTolerance)
    {
        var start = (long)(0.523 * FullWattSeconds);

        var moment = Timeline.Run(new Curves(seed: 0), from: 0, start).ElementAt((int)TimeSpan.Parse(time).TotalSeconds);

        Assert.Equal(pv, moment.Flow.Pv);
        Assert.InRange(moment.Flow.Load, load - 11, load + 11);
        Assert.InRange(moment.Flow.Battery, battery - 33, battery + 33);
        Assert.InRange(moment.Flow.Export, export - 33, export + 33);
        Assert.InRange(moment.Stored / FullWattSeconds * 100, soc - socTolerance, soc + socTolerance);
    }

    // A day that begins with 52 % and ends with 29 % cannot follow itself. The served days do: so their nights differ, and once the battery
    // was full they agree.
    [Theory]
    [InlineData("12:45", 100)]
    [InlineData("14:15", 100)]
    [InlineData("19:30", 78)]
    [InlineData("21:00", 50)]
    [InlineData("23:30", 31)]
    public void The_served_days_agree_with_the_worked_day_once_the_battery_was_full(string time, double soc)
    {
        for (var day = 0; day < 7; day++)
        {
            var reading = New0.At(Tuesday.AddDays(day) + TimeSpan.Parse(time));

            Assert.InRange(Served.U16(reading, 13022) / 10.0, soc - 3, soc + 3);
        }
    }

    [Fact]
    public void The_measured_day_yields_38_7_kWh()
    {
        Assert.InRange(Served.U16(New0.At(Tuesday.AddHours(18)), 13001) / 10.0, 38.0, 38.4); // 38.4 counts the sample of 18:00 whole
        Assert.InRange(Served.U16(New0.At(Tuesday.AddDays(1).AddSeconds(-1)), 13001) / 10.0, 38.6, 38.7);
    }

    [Fact]
    public void Another_seed_has_days_of_its_own_that_stay_near_the_measured_one()
    {
        var (five, six) = (New(seed: 5), New(seed: 6));
        var yields = Enumerable.Range(0, 7).Select(day => Served.U16(five.At(Tuesday.AddDays(day).AddHours(23)), 13001) / 10.0).ToArray();

        Assert.All(yields, kwh => Assert.InRange(kwh, 0.85 * 38.6, 1.05 * 38.7));
        Assert.True(yields.Distinct().Count() > 3, string.Join(' ', yields));
        Assert.NotEqual(five.At(Tuesday.AddHours(12)).Flow, six.At(Tuesday.AddHours(12)).Flow);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void Counters_and_charge_are_the_sum_of_the_powers_second_by_second(int seed)
    {
        var household = New(seed);
        foreach (var hour in new[] { 3.5, 8, 11.5, 17.5, 23.5 })
        {
            var from = household.At(Tuesday.AddHours(hour));
            var sum = default(Energy);
            long discharged = 0;
            for (var second = 0; second < 3_600; second++)
            {
                var flow = household.At(Tuesday.AddHours(hour).AddSeconds(second)).Flow;
                discharged += flow.Battery;
                sum = sum with
                {
                    Pv = sum.Pv + flow.Pv,
                    Load = sum.Load + flow.Load,
                    Import = sum.Import + (flow.Export < 0 ? -flow.Export : 0),
                    Export = sum.Export + (flow.Export > 0 ? flow.Export : 0),
                    Charge = sum.Charge + (flow.Battery < 0 ? -flow.Battery : 0),
                    Discharge = sum.Discharge + (flow.Battery > 0 ? flow.Battery : 0),
                };
            }

            var to = household.At(Tuesday.AddHours(hour + 1));
            Assert.Equal(from.Stored - discharged, to.Stored);
            var counted = to.Total.Plus(from.Total, -1);
            Assert.Equal(sum, counted with { Output = 0, PvToGrid = 0, PvToBattery = 0, PvToLoad = 0 });
        }
    }

    [Fact]
    public void Pv_goes_to_the_grid_the_battery_the_house_and_the_losses_and_nowhere_else()
    {
        for (var at = Tuesday; at < Tuesday.AddDays(1); at = at.AddSeconds(17))
        {
            var flow = New0.At(at).Flow;

            var rest = flow.Pv - flow.PvToGrid - flow.PvToBattery - flow.PvToLoad;

            Assert.InRange(rest, 0, flow.Losses);
            Assert.True(flow.PvToGrid >= 0 && flow.PvToBattery >= 0 && flow.PvToLoad >= 0, flow.ToString());
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(99)]
    [InlineData(123456)]
    public void The_week_repeats_without_a_step_in_the_charge(int seed)
    {
        var household = New(seed);
        var monday = new DateTimeOffset(2026, 9, 14, 0, 0, 0, TimeSpan.Zero);

        var last = household.At(monday.AddSeconds(-1));

        Assert.Equal(last.Stored - last.Flow.Battery, household.At(monday).Stored);
        Assert.Equal(last.Total.After(last.Flow), household.At(monday).Total);
    }

    [Fact]
    public void The_battery_keeps_its_limits_and_the_meter_shows_what_it_cannot_do()
    {
        for (var at = Tuesday; at < Tuesday.AddDays(2); at = at.AddSeconds(29))
        {
            var reading = New0.At(at);
            var (flow, soc) = (reading.Flow, reading.Stored / FullWattSeconds * 100);

            Assert.InRange(flow.Battery, -5_000, 5_000);
            Assert.InRange(soc, 10, 100);
            if (soc is > 10.1 and < 99.9 && Math.Abs(flow.Battery) < 5_000)
            {
                Assert.InRange(flow.Export, -20, 20);
            }

            if (soc == 10 && flow.Pv == 0)
            {
                Assert.Equal(-flow.Load - 60, flow.Export);
            }
        }
    }

    [Fact]
    public void The_same_second_has_the_same_values_however_it_was_reached()
    {
        var household = New(seed: 3);
        var there = Enumerable.Range(0, 500).Select(i => Tuesday.AddSeconds(i * 1_009)).ToArray();
        var forwards = there.Select(household.At).ToArray();

        var backwards = there.Reverse().Select(New(seed: 3).At).Reverse().ToArray();

        Assert.Equal(forwards.Select(WithoutList), backwards.Select(WithoutList));
        Assert.Equal(forwards.SelectMany(reading => reading.QuarterHourPv), backwards.SelectMany(reading => reading.QuarterHourPv));

        static Reading WithoutList(Reading reading) => reading with { QuarterHourPv = [] };
    }

    [Fact]
    public void The_battery_is_coolest_at_six_and_warmest_at_half_past_two()
    {
        Assert.Equal(230, Served.S16(New0.At(Tuesday.AddHours(6)), 13024));
        Assert.Equal(320, Served.S16(New0.At(Tuesday.AddHours(14.5)), 13024));
        for (var minute = 1; minute < 1_440; minute++)
        {
            var step = Served.S16(New0.At(Tuesday.AddMinutes(minute)), 13024) - Served.S16(New0.At(Tuesday.AddMinutes(minute - 1)), 13024);
            Assert.InRange(step, -1, 1);
        }
    }

    private static readonly Household New0 = New(seed: 0);

    private static Household New(int seed) => new("A2240312345", TimeZoneInfo.Utc, seed);
}
