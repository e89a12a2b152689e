namespace Sungrow.Protocol.Tests;

/// <summary>Bodies, one kind of trouble each.</summary>
public class IngestBatchReaderTests
{
    private const string Id = "0190b0c0-0000-7000-8000-00000000beef";

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("garbage")]
    [InlineData("{")]
    [InlineData("""{"samples":[]""")]
    [InlineData("""{"samples":[}""")]
    [InlineData("""{"samples":[]}{}""")]
    [InlineData("""{"samples":[]} x""")]
    [InlineData("""{"samples":[],}""")]
    [InlineData("""{"samples":[{"device_id":"a",}]}""")]
    [InlineData("""{"samples":[]/* */}""")]
    [InlineData("{\"samples\":[]} // done")]
    [InlineData("""{"samples":[{"pv_power_w":NaN}]}""")]
    [InlineData("""{"samples":[{"pv_power_w":Infinity}]}""")]
    [InlineData("""{"samples":[{"pv_power_w":-Infinity}]}""")]
    [InlineData("""{"samples":[{"pv_power_w":+1}]}""")]
    [InlineData("""{"samples":[{"pv_power_w":01}]}""")]
    [InlineData("""{"samples":[{"pv_power_w":.5}]}""")]
    [InlineData("""{'samples':[]}""")]
    [InlineData("{\"samples\":[{\"device_id\":\"a\nb\"}]}")]
    [InlineData("""{"samples":[{"device_id":"\x41"}]}""")]
    [InlineData("\uFEFF{\"samples\":[]}")]
    [InlineData("{\"samples\":[]}\0")]
    public void What_is_not_JSON_is_malformed(string body) => Assert.Matches("line [0-9]+, byte [0-9]+", Wire.Read(body).Malformed);

    [Fact]
    public void A_malformed_body_says_where_and_passes_nothing()
    {
        var read = Wire.Read($$"""
            {"samples":[{{Wire.Sample()}},{{Wire.SampleWith("seq", "0")}},
              x]}
            """);

        Assert.Contains("line 2, byte 3", read.Malformed, StringComparison.Ordinal);
        Assert.Empty(read.Samples);
        Assert.Empty(read.Errors);
    }

    [Fact]
    public void Bytes_that_are_no_UTF_8_are_malformed_outside_a_string() =>
        Assert.NotNull(IngestBatchReader.Read([(byte)'{', 0xFF, (byte)'}'], Wire.Window).Malformed);

    [Theory]
    [InlineData("[", 100_000)]
    [InlineData("{\"a\":", 100_000)]
    [InlineData("""{"samples":[{"x":""", 100_000)]
    [InlineData("""{"samples":[{"ts":[""", 33)]
    public void A_body_nested_too_deep_is_malformed_and_says_how_deep_is_allowed(string level, int levels) =>
        Assert.Contains("32 levels", Wire.Read(string.Concat(Enumerable.Repeat(level, levels))).Malformed, StringComparison.Ordinal);

    [Fact]
    public void An_unknown_member_may_nest_as_deep_as_allowed()
    {
        // The body, the list and the sample are three of the 32 levels.
        var deep = $"{new string('[', 29)}{new string(']', 29)}";

        Assert.Single(Wire.ReadSamples(Wire.SampleWith("unknown", deep)).Samples);
        Assert.NotNull(Wire.ReadSamples(Wire.SampleWith("unknown", $"[{deep}]")).Malformed);
    }

    [Theory]
    [InlineData("null", "REQUIRED")]
    [InlineData("5", "REQUIRED")]
    [InlineData("\"samples\"", "REQUIRED")]
    [InlineData("[]", "REQUIRED")]
    [InlineData("""[{"samples":[]}]""", "REQUIRED")]
    [InlineData("{}", "REQUIRED")]
    [InlineData("""{"Samples":[]}""", "REQUIRED")]
    [InlineData("""{"samples":null}""", "WRONG_TYPE")]
    [InlineData("""{"samples":{}}""", "WRONG_TYPE")]
    [InlineData("""{"samples":{"samples":[]}}""", "WRONG_TYPE")]
    [InlineData("""{"samples":"[]"}""", "WRONG_TYPE")]
    [InlineData("""{"samples":0}""", "WRONG_TYPE")]
    [InlineData("""{"samples":true}""", "WRONG_TYPE")]
    public void Without_a_list_of_samples_the_error_is_keyed_samples(string body, string code) =>
        Assert.Equal([$"samples {code}"], Wire.Read(body).Named());

    [Fact]
    public void An_empty_list_is_sound() => Assert.Empty(Wire.Read("""{"samples":[]}""").Named());

    [Theory]
    [InlineData("null")]
    [InlineData("1")]
    [InlineData("\"x\"")]
    [InlineData("true")]
    [InlineData("[]")]
    [InlineData("""[{"device_id":"a"}]""")]
    public void What_is_no_object_is_no_sample(string text)
    {
        var read = Wire.ReadSamples(Wire.Sample(), text, Wire.Sample());

        Assert.Equal(["samples[1] WRONG_TYPE"], read.Named());
        Assert.Equal(2, read.Samples.Count);
    }

    [Fact]
    public void A_sample_without_members_lacks_everything_it_needs() => Assert.Equal(
        ["samples[0] EMPTY_SAMPLE", "samples[0].device_id REQUIRED", "samples[0].ts REQUIRED"], Wire.ReadSamples("{}").Named());

    [Theory]
    [InlineData($"\"{Id}\"", true)]
    [InlineData("\"0190B0C0-0000-7000-8000-00000000BEEF\"", true)]
    [InlineData("\"\\u0030190b0c0-0000-7000-8000-00000000beef\"", true)]
    [InlineData("null", false)]
    public void A_buffer_id_is_a_UUID_or_null(string text, bool present)
    {
        var read = Wire.Read($$"""{"samples":[],"buffer_id":{{text}}}""");

        Assert.Empty(read.Named());
        Assert.Equal(present ? Guid.Parse(Id) : null, read.BufferId);
    }

    [Theory]
    [InlineData("5")]
    [InlineData("true")]
    [InlineData("{}")]
    [InlineData("""["0190b0c0-0000-7000-8000-00000000beef"]""")]
    [InlineData("\"\"")]
    [InlineData("\"0190b0c0000070008000-00000000beef\"")]
    [InlineData("\"{0190b0c0-0000-7000-8000-00000000beef}\"")]
    [InlineData("\"0190b0c0-0000-7000-8000-00000000beeg\"")]
    [InlineData("\"\\ud800190b0c0-0000-7000-8000-00000000beef\"")]
    [InlineData("\"\\ud800\\ud800\\ud800\\ud800\\ud800\\ud800\\ud800\"")]
    public void Any_other_buffer_id_is_of_the_wrong_type(string text)
    {
        var read = Wire.Read($$"""{"buffer_id":{{text}},"samples":[{{Wire.Sample()}}]}""");

        Assert.Equal(["buffer_id WRONG_TYPE"], read.Named());
        Assert.Null(read.BufferId);
        Assert.Single(read.Samples);
    }

    [Fact]
    public void A_member_of_the_body_given_twice_is_named_once_and_the_first_stands()
    {
        var many = string.Concat(Enumerable.Repeat(""","samples":5,"buffer_id":[]""", 1_000));
        var read = Wire.Read($$"""{"buffer_id":"{{Id}}","samples":[{{Wire.Sample()}}]{{many}}}""");

        Assert.Equal(["buffer_id DUPLICATE_MEMBER", "samples DUPLICATE_MEMBER"], read.Named());
        Assert.Equal(Guid.Parse(Id), read.BufferId);
        Assert.Single(read.Samples);
    }

    [Fact]
    public void Five_thousand_samples_are_read() =>
        Assert.Equal(ProtocolLimits.MaxSamples, Wire.ReadSamples([.. Enumerable.Repeat(Wire.Sample(), 5_000)]).Samples.Count);

    [Theory]
    [InlineData("{}]}")]
    [InlineData("5,6,7]}")]
    [InlineData("{\"device_id\":garbage")]
    [InlineData("[[[[")]
    public void One_more_is_too_many_whatever_it_is_and_follows(string rest)
    {
        var read = Wire.Read($$"""{"samples":[{{string.Concat(Enumerable.Repeat("{},", 5_000))}}{{rest}}""");

        Assert.True(read.TooManySamples);
        Assert.Null(read.Malformed);
    }

    [Fact]
    public void Garbage_in_place_of_the_one_too_many_is_malformed() =>
        Assert.NotNull(Wire.Read($$"""{"samples":[{{string.Concat(Enumerable.Repeat("{},", 5_000))}}garbage""").Malformed);

    [Fact]
    public void Every_device_id_is_listed_also_of_a_sample_that_is_otherwise_wrong()
    {
        var read = Wire.ReadSamples(
            Wire.SampleWith("device_id", "\"one\""),
            """{"device_id":"two"}""",
            Wire.SampleWith("device_id", "\"no good\""),
            """{"device_id":"three","device_id":"four"}""");

        Assert.Equal(["one", "three", "two"], read.DeviceIds.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Half_a_surrogate_pair_or_broken_UTF_8_is_named_wherever_it_stands()
    {
        foreach (var bad in new[] { "\\ud800", "SG-\\uDFFF", "\\ud83d\\u0041" })
        {
            Assert.Equal(
                ["samples[1].device_id MALFORMED_DEVICE_ID", "samples[2].ts MALFORMED_TIMESTAMP"],
                Wire.ReadSamples(
                    Wire.Sample(),
                    Wire.SampleWith("device_id", $"\"{bad}\""),
                    Wire.SampleWith("ts", $"\"{bad}\""),
                    Wire.SampleWith(bad, "1")).Named());
        }

        byte[] broken =
        [
            .. "{\"samples\":[{\"device_id\":\""u8, 0xC3, 0x28, .. "\",\"ts\":\""u8, 0xFF, .. "\"}]}"u8,
        ];
        Assert.Equal(
            ["samples[0] EMPTY_SAMPLE", "samples[0].device_id MALFORMED_DEVICE_ID", "samples[0].ts MALFORMED_TIMESTAMP"],
            IngestBatchReader.Read(broken, Wire.Window).Named());
    }
}
