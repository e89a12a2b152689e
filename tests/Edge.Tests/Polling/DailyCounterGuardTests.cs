using Sungrow.Edge.Inverter;
using Sungrow.Edge.Polling;
using Xunit;

namespace Sungrow.Edge.Tests.Polling;

public class DailyCounterGuardTests
{
    private const double Nominal = 10_000;

    private static readonly TimeZoneInfo Berlin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");

    private DailyCounterGuard _guard = new(Berlin);

    /// <summary>Local time in Berlin, September 2026.</summary>
    private static DateTimeOffset At(int day, int hour, int minute = 0) => new(2026, 9, day, hour, minute, 0, TimeSpan.FromHours(2));

    private double? Judge(DateTimeOffset at, double daily, double total, bool generating = false, string serial = "A1", double? nominal = Nominal) =>
        _guard.Judge(serial, at, new(daily, total, 0.1), nominal, generating);

    /// <summary>8 September: 36.1 kWh, the total stands at 1036.1 by midnight.</summary>
    private void AfterADay()
    {
        Assert.Equal(20, Judge(At(8, 13), 20, 1020, generating: true));
        Assert.Equal(36.1, Judge(At(8, 20), 36.1, 1036.1));
        Assert.Equal(36.1, Judge(At(8, 23, 59), 36.1, 1036.1));
    }

    [Fact]
    public void A_counter_that_resets_at_midnight_is_shown_all_night_and_all_day()
    {
        AfterADay();

        Assert.Equal(0, Judge(At(9, 0), 0, 1036.1));
        Assert.Equal(0.1, Judge(At(9, 7), 0.1, 1036.2, generating: true));
        Assert.Equal(12, Judge(At(9, 12), 12, 1048.1, generating: true));
    }

    [Fact]
    public void A_late_reset_leaves_nulls_and_never_yesterdays_sum()
    {
        AfterADay();

        Assert.Null(Judge(At(9, 0), 36.1, 1036.1));
        Assert.Null(Judge(At(9, 1), 36.1, 1036.1));
        Assert.Equal(0, Judge(At(9, 1, 10), 0, 1036.1));
        Assert.Equal(3, Judge(At(9, 9), 3, 1039.1, generating: true));
    }

    [Fact]
    public void A_string_inverter_shows_yesterday_until_it_wakes_and_the_edge_shows_nothing()
    {
        AfterADay();

        Assert.Null(Judge(At(9, 6, 30), 36.1, 1036.1));
        Assert.Null(Judge(At(9, 6, 40), 36.1, 1036.1, generating: true));
        Assert.Equal(0, Judge(At(9, 6, 50), 0, 1036.1, generating: true));
    }

    [Fact]
    public void An_early_reset_leaves_nulls_until_the_days_are_the_same_again()
    {
        AfterADay();

        Assert.Null(Judge(At(8, 23, 59), 0, 1036.1));
        Assert.Equal(0, Judge(At(9, 0), 0, 1036.1));
    }

    [Fact]
    public void What_was_made_after_an_early_reset_belongs_to_no_day()
    {
        AfterADay();

        Assert.Null(Judge(At(8, 23, 59) + TimeSpan.FromSeconds(40), 0.2, 1036.3));
        Assert.Null(Judge(At(9, 0), 0.2, 1036.3));
        Assert.Null(Judge(At(9, 9), 5.2, 1041.3, generating: true));
    }

    [Fact]
    public void A_counter_that_is_not_reset_is_not_shown_until_it_is()
    {
        AfterADay();

        Assert.Null(Judge(At(9, 0), 36.1, 1036.1));
        Assert.Null(Judge(At(9, 12), 48.1, 1048.1, generating: true));
        Assert.Null(Judge(At(9, 23, 59), 66.1, 1066.1));
        Assert.Equal(0, Judge(At(10, 0), 0, 1066.1));
    }

    [Theory]
    [InlineData(0, 1036.1)]
    [InlineData(36.1, 0)]
    [InlineData(0, 0)]
    [InlineData(36.1, 1030)]
    [InlineData(99, 1036.1)]
    [InlineData(99, 1099)]
    [InlineData(36, 1036)]
    public void A_slip_of_one_poll_is_left_out_and_changes_nothing(double daily, double total)
    {
        AfterADay();

        Assert.Null(Judge(At(8, 23, 59), daily, total));
        Assert.Equal(36.1, Judge(At(8, 23, 59), 36.1, 1036.1));
        Assert.Equal(0, Judge(At(9, 0), 0, 1036.1));
    }

    [Fact]
    public void Counters_one_step_apart_are_in_step_and_two_are_not()
    {
        AfterADay();
        Judge(At(9, 0), 0, 1036.1);

        Assert.Equal(5, Judge(At(9, 9), 5, 1041.2, generating: true));
        Assert.Null(Judge(At(9, 9, 10), 5.2, 1041.6, generating: true));
        Assert.Equal(5.5, Judge(At(9, 9, 20), 5.5, 1041.6, generating: true));
    }

    [Fact]
    public void A_total_that_has_jumped_for_good_costs_the_day_and_no_more()
    {
        AfterADay();

        for (var minute = 0; minute < 50; minute += 10)
        {
            Assert.Null(Judge(At(9, 12, minute), 12, 7.5, generating: true));
        }

        Assert.Equal(0, Judge(At(10, 0), 0, 20));
    }

    [Theory]
    [InlineData(14, 20, true, 20.0)]
    [InlineData(20, 36.1, false, 36.1)]
    [InlineData(8, 5, true, 5.0)]
    [InlineData(3, 0, false, 0.0)]
    // Yesterday's, as far as anyone can tell.
    [InlineData(3, 36.1, false, null)]
    [InlineData(8, 36.1, false, null)]
    // More than the sun had time for.
    [InlineData(0, 36.1, true, null)]
    [InlineData(14, 760, true, null)]
    public void An_edge_that_knows_nothing_believes_what_fits_the_hour(int hour, double daily, bool generating, double? shown) =>
        Assert.Equal(shown, Judge(At(8, hour, 30), daily, 58_764.9, generating));

    [Fact]
    public void A_zero_at_first_sight_may_be_a_slip_and_costs_nothing()
    {
        Assert.Equal(0, Judge(At(8, 13), 0, 1020, generating: true));

        Assert.Equal(20, Judge(At(8, 13, 10), 20, 1020, generating: true));
    }

    [Fact]
    public void A_restart_in_the_middle_of_a_day_goes_on_where_it_was()
    {
        AfterADay();
        Judge(At(9, 0), 0, 1036.1);
        Judge(At(9, 10), 6, 1042.1, generating: true);
        _guard = new(Berlin, _guard.State);

        Assert.Null(Judge(At(9, 10, 10), 5.9, 1042.1, generating: true));
        Assert.Null(Judge(At(9, 10, 10), 42.1, 1042.1, generating: true));
        Assert.Equal(6.5, Judge(At(9, 11), 6.5, 1042.6, generating: true));
    }

    [Fact]
    public void A_restart_on_the_next_day_knows_yesterdays_counter_also_when_it_was_killed_early()
    {
        Judge(At(8, 0), 0, 1000);
        Judge(At(8, 1), 0, 1000);
        _guard = new(Berlin, _guard.State);

        Assert.Null(Judge(At(9, 7), 36.1, 1036.1, generating: true));
        Assert.Equal(0, Judge(At(9, 7, 10), 0, 1036.1, generating: true));
    }

    [Fact]
    public void After_a_night_without_the_edge_the_counter_says_itself_where_it_began()
    {
        Judge(At(8, 15), 20, 1020, generating: true);

        Assert.Equal(4, Judge(At(9, 10), 4, 1040.1, generating: true));
        Assert.Null(Judge(At(9, 10, 10), 4.5, 1041, generating: true));
    }

    [Fact]
    public void The_day_is_the_inverters_own_also_when_it_has_23_or_25_hours()
    {
        var guard = new DailyCounterGuard(Berlin);
        PvCounters counters = new(20, 1020, 0.1);

        // 25 October 2026 has 25 hours: it begins at 22:00 UTC and ends at 23:00 UTC.
        Assert.Equal(20, guard.Judge("A1", new(2026, 10, 24, 21, 59, 0, TimeSpan.Zero), counters, Nominal, generating: false));
        Assert.Null(guard.Judge("A1", new(2026, 10, 24, 22, 0, 0, TimeSpan.Zero), counters, Nominal, generating: false));
        Assert.Equal(0, guard.Judge("A1", new(2026, 10, 24, 22, 1, 0, TimeSpan.Zero), counters with { DailyKwh = 0 }, Nominal, generating: false));
        PvCounters evening = new(9, 1029, 0.1);
        Assert.Equal(9, guard.Judge("A1", new(2026, 10, 25, 22, 59, 0, TimeSpan.Zero), evening, Nominal, generating: false));
        Assert.Null(guard.Judge("A1", new(2026, 10, 25, 23, 0, 0, TimeSpan.Zero), evening, Nominal, generating: false));
    }

    [Fact]
    public void Another_inverter_has_another_account()
    {
        AfterADay();

        Assert.Equal(7, Judge(At(8, 23, 59), 7, 200, serial: "A2"));
    }

    [Fact]
    public void A_coarse_total_judges_to_its_own_step()
    {
        double? Judge(DateTimeOffset at, double daily, double total) => _guard.Judge("A1", at, new(daily, total, 1), 5_000, generating: true);

        Assert.Equal(12.3, Judge(At(8, 20), 12.3, 4567));
        Assert.Null(Judge(At(9, 7), 12.3, 4567));
        Assert.Equal(0, Judge(At(9, 7, 10), 0, 4567));
        Assert.Equal(0.9, Judge(At(9, 8), 0.9, 4567));
        Assert.Equal(1.2, Judge(At(9, 8, 20), 1.2, 4568));
    }

    [Fact]
    public void A_clock_set_back_an_hour_loses_no_more_than_polls()
    {
        AfterADay();
        Judge(At(9, 0), 0, 1036.1);
        Assert.Equal(12, Judge(At(9, 12), 12, 1048.1, generating: true));

        Judge(At(9, 11, 10), 12.5, 1048.6, generating: true);
        Assert.Equal(13, Judge(At(9, 11, 20), 13, 1049.1, generating: true));
    }

    [Fact]
    public void Without_a_total_nothing_can_be_judged() => Assert.Null(_guard.Judge("A1", At(8, 13), null, Nominal, generating: true));

    [Fact]
    public void A_state_survives_its_file_and_a_broken_file_is_none()
    {
        using var folder = new TempFolder();
        var path = folder.File("buffer.db.counters");
        AfterADay();

        _guard.State!.Save(path);

        Assert.Equal(_guard.State, CounterState.Load(path));
        File.WriteAllText(path, "{\"serial\":\"A1\",");
        Assert.Null(CounterState.Load(path));
        Assert.Null(CounterState.Load(folder.File("none")));
    }
}
