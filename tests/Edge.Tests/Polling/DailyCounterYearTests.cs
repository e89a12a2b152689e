using Sungrow.Edge.Inverter;
using Sungrow.Edge.Polling;
using Xunit;

namespace Sungrow.Edge.Tests.Polling;

/// <summary>A year of quirks, restarts and silence, judged against what really happened.</summary>
public class DailyCounterYearTests
{
    public static TheoryData<string, bool, int> Homes => new(
        from zone in new[] { "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu" }
        from sleepsAtNight in new[] { false, true }
        from seed in Enumerable.Range(1, 3)
        select (zone, sleepsAtNight, seed));

    [Theory]
    [MemberData(nameof(Homes))]
    public void In_a_year_no_day_sinks_none_shows_yesterday_and_each_sums_to_the_total(string zoneName, bool sleepsAtNight, int seed)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(zoneName);
        var chance = new Random(seed);
        var home = new QuirkyCounters(zone, sleepsAtNight, seed);
        var edge = new RestartingEdge(zone);
        var now = new DateTimeOffset(2026, 1, 1, 0, 0, 0, zone.GetUtcOffset(new DateTime(2026, 1, 1)));
        var end = now.AddYears(1);
        Dictionary<DateOnly, Day> days = [];
        var offUntil = now;

        for (; now < end; now += TimeSpan.FromMinutes(chance.Next(5, 16)))
        {
            var answer = home.At(now);
            var day = days.TryGetValue(home.Today, out var known) ? known : days[home.Today] = new(home.QuirkOf(home.Today));
            day.ReallyKwh = home.TodayKwh;
            if (chance.Next(1500) == 0)
            {
                offUntil = now + TimeSpan.FromHours(chance.Next(30));
                edge.Restart(killed: chance.Next(2) == 0);
            }

            if (now < offUntil)
            {
                day.WasWatched = false;
            }
            else if (answer is var (served, generating))
            {
                day.Add(edge.Judge(now, served, generating), served.DailyKwh, home.TodayKwh, home.YesterdayKwh, now);
            }
        }

        Assert.InRange(days.Count, 365, 367);
        Assert.All(days, day => day.Value.AssertWhole());
        var quiet = days.Values.Where(day => day is { Quirk: Quirk.None, WasWatched: true, Polls: > 5 }).ToList();
        Assert.InRange(quiet.Count, 100, 366);
        Assert.True(quiet.Sum(day => day.Believed) > 0.93 * quiet.Sum(day => day.Polls), "A day without a quirk is shown.");
        var unreset = days.Values.Where(day => day.Quirk == Quirk.NoReset && day.YesterdayKwh > 0.2).ToList();
        Assert.NotEmpty(unreset);
        Assert.All(unreset, day => Assert.Equal(0, day.Believed));
    }

    /// <summary>The guard with its state as the poll loop keeps it: whole after a stop, an hour old after a kill.</summary>
    private sealed class RestartingEdge(TimeZoneInfo zone)
    {
        private DailyCounterGuard _guard = new(zone);
        private CounterState? _saved;

        public void Restart(bool killed) => _guard = new(zone, killed ? _saved : _guard.State);

        public double? Judge(DateTimeOffset now, PvCounters served, bool generating)
        {
            var value = _guard.Judge("A1", now, served, QuirkyCounters.NominalWatts, generating);
            if (CounterState.IsDue(_saved, _guard.State))
            {
                _saved = _guard.State;
            }

            return value;
        }
    }

    private sealed class Day(Quirk quirk)
    {
        // One step of 0.1 kWh, by which two cut counters may differ.
        private const double Step = 0.1001;

        private double _last;

        public Quirk Quirk { get; } = quirk;

        public bool WasWatched { get; set; } = true;

        public double ReallyKwh { get; set; }

        public double YesterdayKwh { get; private set; }

        public int Polls { get; private set; }

        public int Believed { get; private set; }

        public void Add(double? value, double served, double really, double yesterday, DateTimeOffset now)
        {
            Polls++;
            YesterdayKwh = yesterday;
            if (value is not { } kwh)
            {
                return;
            }

            Believed++;
            Assert.True(kwh == served, $"{now}: {kwh} was not served, {served} was");
            Assert.True(kwh >= _last, $"{now}: {kwh} after {_last}, {Quirk}");
            var late = Quirk == Quirk.DailyLagsTotal ? 3 * Step : Step; // A poll behind, while nothing better is known of the day.
            Assert.True(kwh >= really - late && kwh <= really + Step, $"{now}: {kwh} of {really}, {yesterday} the day before, {Quirk}");
            _last = kwh;
        }

        /// <summary>What a day ends with that nothing disturbed is what the total counter grew by.</summary>
        public void AssertWhole() =>
            Assert.True(Believed == 0 || !WasWatched || Quirk != Quirk.None || Math.Abs(_last - ReallyKwh) < Step, $"{_last} of {ReallyKwh}");
    }
}
