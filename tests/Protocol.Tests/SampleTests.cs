using System.Globalization;

namespace Sungrow.Protocol.Tests;

/// <summary>One member of a sample at a time: each code, and each bound from both sides.</summary>
public class SampleTests
{
    private static readonly string[] NoNumbers =
        ["\"1\"", "\"\"", "\"NaN\"", "\"Infinity\"", "true", "false", "{}", "[]", "[1]", """{"a":1}"""];

    public static readonly TheoryData<string, string, string> Ranges = new()
    {
        { "pv_power_w", "0", "500000" },
        { "pv_daily_kwh", "0", "12000" },
        { "battery_power_w", "-500000", "500000" },
        { "battery_soc_pct", "0", "100" },
        { "battery_temp_c", "-40", "80" },
        { "load_power_w", "-500000", "500000" },
        { "export_power_w", "-500000", "500000" },
        { "sample_count", "1", "3600" },
        { "interval_s", "0.1", "3600" },
        { "seq", "1", "9223372036854775807" },
    };

    [Theory]
    [MemberData(nameof(Ranges))]
    public void Both_bounds_of_a_range_are_inside(string member, string min, string max)
    {
        Assert.Empty(Wire.ReadSamples(Wire.SampleWith(member, min)).Named());
        Assert.Empty(Wire.ReadSamples(Wire.SampleWith(member, max)).Named());
    }

    [Theory]
    [MemberData(nameof(Ranges))]
    public void Beyond_a_bound_the_range_is_named(string member, string min, string max)
    {
        string[] outside = member switch
        {
            "sample_count" => ["0", "-1", "3601", "2147483648", "4294967297", "-2147483649", "9223372036854775808"],
            "seq" => ["0", "-1", "-9223372036854775809", "9223372036854775808", "99999999999999999999"],
            _ => [Next(min, Math.BitDecrement), Next(max, Math.BitIncrement)],
        };
        foreach (var text in outside.Concat(["1e30", "-1e30", "1e999", "-1e999", "1e99999999999999999999", "-1e2147483648"]))
        {
            var error = Assert.Single(Wire.ReadSamples(Wire.SampleWith(member, text)).Errors);

            Assert.Equal(($"samples[0].{member}", ErrorCodes.OutOfRange, $"{min} .. {max}"), (error.Path, error.Code, error.Detail));
        }

        static string Next(string bound, Func<double, double> step) =>
            step(double.Parse(bound, CultureInfo.InvariantCulture)).ToString("R", CultureInfo.InvariantCulture);
    }

    [Theory]
    [MemberData(nameof(Ranges))]
    public void No_number_is_of_the_wrong_type(string member, string min, string max)
    {
        Assert.NotEqual(min, max);
        foreach (var text in NoNumbers)
        {
            Assert.Equal([$"samples[0].{member} WRONG_TYPE"], Wire.ReadSamples(Wire.SampleWith(member, text)).Named());
        }
    }

    [Theory]
    [InlineData("sample_count")]
    [InlineData("seq")]
    public void A_broken_number_is_no_integer(string member)
    {
        foreach (var text in new[] { "1.5", "0.1", "-1.5", "1e-1", "9007199254740993.5" })
        {
            Assert.Equal([$"samples[0].{member} WRONG_TYPE"], Wire.ReadSamples(Wire.SampleWith(member, text)).Named());
        }
    }

    [Theory]
    [InlineData("device_id")]
    [InlineData("ts")]
    public void What_is_required_may_not_be_absent_null_or_of_another_type(string member)
    {
        Assert.Equal([$"samples[0].{member} REQUIRED"], Wire.ReadSamples(Wire.SampleWith(member, null)).Named());
        Assert.Equal([$"samples[0].{member} REQUIRED"], Wire.ReadSamples(Wire.SampleWith(member, "null")).Named());
        foreach (var text in new[] { "1", "1757347140", "true", "{}", "[]", "[\"SG-1\"]" })
        {
            Assert.Equal([$"samples[0].{member} WRONG_TYPE"], Wire.ReadSamples(Wire.SampleWith(member, text)).Named());
        }
    }

    [Theory]
    [InlineData("device_id")]
    [InlineData("ts")]
    [InlineData("pv_power_w")]
    [InlineData("pv_daily_kwh")]
    [InlineData("battery_power_w")]
    [InlineData("battery_soc_pct")]
    [InlineData("battery_temp_c")]
    [InlineData("load_power_w")]
    [InlineData("export_power_w")]
    [InlineData("sample_count")]
    [InlineData("interval_s")]
    [InlineData("seq")]
    public void A_member_given_twice_is_named_once_however_often_it_comes(string member)
    {
        var again = string.Concat(Enumerable.Repeat($",\"{member}\":{{}}", 1_000));

        var read = Wire.ReadSamples(Wire.Sample()[..^1] + again + "}", Wire.Sample());

        Assert.Equal([$"samples[0].{member} DUPLICATE_MEMBER"], read.Named());
        Assert.Single(read.Samples);
    }

    [Fact]
    public void The_same_member_written_with_an_escape_is_a_duplicate_too() =>
        Assert.Equal(["samples[0].ts DUPLICATE_MEMBER"], Wire.ReadSamples(Wire.Sample()[..^1] + ",\"t\\u0073\":null}").Named());

    [Fact]
    public void An_unknown_member_may_come_twice() =>
        Assert.Empty(Wire.ReadSamples(Wire.Sample()[..^1] + ",\"x\":1,\"x\":2}").Named());

    [Fact]
    public void All_seven_null_is_an_empty_sample_and_any_one_alone_is_not()
    {
        const string Head = """{"device_id":"a","ts":"2026-09-08T15:59:00Z","sample_count":1,"interval_s":10,"seq":1""";

        Assert.Equal(["samples[0] EMPTY_SAMPLE"], Wire.ReadSamples(Head + "}").Named());
        Assert.Equal(
            ["samples[0] EMPTY_SAMPLE"],
            Wire.ReadSamples(Head + string.Concat(Wire.Metrics.Select(metric => $",\"{metric}\":null")) + "}").Named());
        foreach (var metric in Wire.Metrics)
        {
            Assert.Empty(Wire.ReadSamples($"{Head},\"{metric}\":0}}").Named());
            Assert.Equal([$"samples[0].{metric} WRONG_TYPE"], Wire.ReadSamples($"{Head},\"{metric}\":\"0\"}}").Named());
        }
    }

    [Theory]
    [InlineData("2026-09-08T16:05:00Z", null)]
    [InlineData("2026-09-08T18:05:00.0000009+02:00", null)]
    [InlineData("2026-09-08T16:05:00.000001Z", "TIMESTAMP_IN_FUTURE")]
    [InlineData("9999-12-31T23:59:59Z", "TIMESTAMP_IN_FUTURE")]
    [InlineData("2021-09-08T16:00:00Z", null)]
    [InlineData("2021-09-08T15:59:59.999999Z", "TIMESTAMP_TOO_OLD")]
    [InlineData("0001-01-01T00:00:00Z", "TIMESTAMP_TOO_OLD")]
    public void A_time_lies_within_raw_retention_and_five_minutes_ahead(string ts, string? code) =>
        Assert.Equal(code is null ? [] : [$"samples[0].ts {code}"], Wire.ReadSamples(Wire.SampleWith("ts", $"\"{ts}\"")).Named());

    [Theory]
    [InlineData(null)]
    [InlineData(365_000)]
    public void Kept_for_ever_or_longer_than_that_a_time_still_lies_after_2000(int? days)
    {
        var window = SampleWindow.At(Wire.Now, days is { } kept ? TimeSpan.FromDays(kept) : null);

        Assert.Equal(ProtocolLimits.OldestTimestamp, window.Oldest);
        Assert.Equal(Wire.Now + TimeSpan.FromMinutes(5), window.Newest);
    }

    [Fact]
    public void A_value_that_JSON_cannot_carry_is_out_of_range_before_it_travels()
    {
        List<FieldError> errors = [];
        var sample = new SungrowSample
        {
            DeviceId = "a",
            Ts = Wire.Now,
            PvPowerW = double.NaN,
            LoadPowerW = double.NegativeInfinity,
            IntervalS = double.NaN,
        };

        SampleRules.Check(sample, "row", Wire.Window, errors);

        Assert.Equal(["row.pv_power_w", "row.load_power_w", "row.interval_s"], errors.Select(error => error.Path));
        Assert.All(errors, error => Assert.Equal(ErrorCodes.OutOfRange, error.Code));
    }
}
