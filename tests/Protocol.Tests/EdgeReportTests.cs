using System.Text.Json;

namespace Sungrow.Protocol.Tests;

public class EdgeReportTests
{
    private static readonly string[] MayBeNull =
    [
        "replaces", "inverter.model", "inverter.serial", "inverter.last_poll", "waiting.oldest", "waiting.newest",
        "missing.0.from", "missing.0.to", "gaps.0.to",
    ];

    // What no text may be: too long for a column, or a control character.
    private static readonly string[] NoTexts = [$"\"{new string('x', 129)}\"", "\"a\\u0000b\"", "\"\\n\"", "\"\\u0085\""];

    [Fact]
    public void A_sound_report_has_no_errors()
    {
        Assert.Empty(EdgeReportRules.Check(Reports.Minimal));
        Assert.Empty(EdgeReportRules.Check(Reports.Sound));
    }

    [Theory]
    [InlineData("poll_interval_s", "poll_interval_s", "0", "-1", "0.0999", "3600.1", "1e999")]
    [InlineData("samples_per_row", "samples_per_row", "0", "-1", "3601")]
    [InlineData("waiting.rows", "waiting", "-1")]
    [InlineData("waiting.held", "waiting", "-1")]
    [InlineData("counters.committed", "counters", "-1")]
    [InlineData("counters.acknowledged", "counters", "-1")]
    [InlineData("counters.dead_lettered", "counters", "-1")]
    [InlineData("counters.evicted", "counters", "-1", "-9223372036854775808")]
    [InlineData("replaces.salvaged", "replaces", "-1")]
    [InlineData("replaces.lost", "replaces", "-1")]
    [InlineData("cursors", "cursors", "{\"\":1}", "{\"no good\":1}", "{\"SG-1\":-1}")]
    [InlineData("missing.0.from_seq", "missing[0]", "0", "-1", "-9223372036854775808")]
    [InlineData("missing.0.to_seq", "missing[0]", "0", "-9223372036854775808")]
    [InlineData("missing.0.rows", "missing[0].rows", "-1", "-9223372036854775808")]
    [InlineData("gaps.0.missed", "gaps[0].missed", "-1")]
    public void Each_rule_names_its_member_alone(string path, string named, params string[] values) => Assert.All(values, value =>
    {
        var error = Assert.Single(EdgeReportRules.Check(Reports.Read(Reports.With(path, value))));

        Assert.Equal(named, error.Path);
        Assert.Equal(
            path == "cursors" && value != "{\"SG-1\":-1}" ? ErrorCodes.MalformedDeviceId : ErrorCodes.OutOfRange, error.Code);
        Assert.NotEmpty(error.Detail);
    });

    [Theory]
    [InlineData("boot_id", "boot_id")]
    [InlineData("version", "version")]
    [InlineData("inverter.model", "inverter.model")]
    [InlineData("inverter.serial", "inverter.serial")]
    [InlineData("missing.0.reason", "missing[0].reason")]
    [InlineData("gaps.0.reason", "gaps[0].reason")]
    public void A_text_has_128_characters_at_most_and_none_that_a_database_or_terminal_minds(string path, string named)
    {
        Assert.All(NoTexts, text => Assert.Equal(named, Assert.Single(EdgeReportRules.Check(Reports.Read(Reports.With(path, text)))).Path));
        Assert.Empty(EdgeReportRules.Check(Reports.Read(Reports.With(path, $"\"{new string('é', 128)}\""))));
    }

    [Fact]
    public void A_range_holds_at_most_its_numbers()
    {
        var report = Reports.Sound with { Missing = [new(10, 12, 3, null, null, "corrupt"), new(10, 12, 4, null, null, "corrupt")] };

        Assert.Equal("missing[1].rows", Assert.Single(EdgeReportRules.Check(report)).Path);
    }

    [Theory]
    [InlineData("cursors")]
    [InlineData("missing")]
    [InlineData("gaps")]
    public void A_list_has_at_most_a_thousand_entries(string list)
    {
        Assert.Empty(EdgeReportRules.Check(WithEntries(list, 1_000, sound: true)));

        var error = Assert.Single(EdgeReportRules.Check(WithEntries(list, 1_001, sound: true)));
        Assert.Equal((list, ErrorCodes.OutOfRange, "at most 1000"), (error.Path, error.Code, error.Detail));
    }

    [Theory]
    [InlineData("cursors", 3)]
    [InlineData("missing", 1_001)]
    [InlineData("gaps", 1_001)]
    public void However_many_entries_are_bad_no_more_are_named_than_may_be_sent(string list, int errors) =>
        Assert.Equal(errors, EdgeReportRules.Check(WithEntries(list, 20_000, sound: false)).Count);

    [Fact]
    public void No_member_may_be_missing_and_none_null_that_is_not_said_to_be()
    {
        string[] paths = [.. Reports.Paths()];

        Assert.Equal(40, paths.Length);
        Assert.All(paths, path =>
        {
            if (path != "replaces")
            {
                Assert.Throws<JsonException>(() => Reports.Read(Reports.Without(path)));
            }

            if (MayBeNull.Contains(path))
            {
                Assert.Empty(EdgeReportRules.Check(Reports.Read(Reports.With(path, "null"))));
            }
            else
            {
                Assert.Throws<JsonException>(() => Reports.Read(Reports.With(path, "null")));
            }
        });
    }

    [Fact]
    public void Unknown_members_are_ignored_at_every_level() => Assert.Equivalent(
        Reports.Sound,
        Reports.Read(Reports.WithUnknown("", "replaces", "inverter", "waiting", "counters", "missing.0", "gaps.0")),
        strict: true);

    [Theory]
    [InlineData("missing", "[null]")]
    [InlineData("missing", "[5]")]
    [InlineData("gaps", "[null]")]
    [InlineData("gaps", "{}")]
    [InlineData("cursors", """{"SG-1":null}""")]
    [InlineData("cursors", """{"SG-1":"5"}""")]
    [InlineData("cursors", """{"SG-1":1.5}""")]
    [InlineData("cursors", "[]")]
    [InlineData("poll_interval_s", "\"10\"")]
    [InlineData("poll_interval_s", "\"NaN\"")]
    [InlineData("buffer_id", "\"\"")]
    [InlineData("boot_id", "\"\\ud800\"")]
    [InlineData("boot_id", "5")]
    [InlineData("started_at", "\"2026-09-08T16:00:00\"")]
    [InlineData("started_at", "\"\\ud800\"")]
    [InlineData("started_at", "5")]
    [InlineData("clock_trusted", "\"true\"")]
    [InlineData("samples_per_row", "1e999")]
    public void A_value_of_the_wrong_shape_is_refused_by_the_parser(string path, string value) =>
        Assert.Throws<JsonException>(() => Reports.Read(Reports.With(path, value)));

    private static EdgeReport WithEntries(string list, int count, bool sound) => list switch
    {
        "cursors" => Reports.Sound with
        {
            Cursors = Enumerable.Range(0, count)
                .ToDictionary(i => sound ? $"SG-{i}" : $"no good {i}", i => sound ? i : -1L, StringComparer.Ordinal),
        },
        "missing" => Reports.Sound with
        {
            Missing = [.. Enumerable.Repeat(new MissingRange(sound ? 1 : -1, 1, 1, null, null, "corrupt"), count)],
        },
        _ => Reports.Sound with { Gaps = [.. Enumerable.Repeat(new GapReport(Wire.Now, null, "clock", sound ? 0 : -1), count)] },
    };
}
