using System.Text;
using System.Text.Json;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Ingest;
using Xunit;

namespace Sungrow.Vps.Tests.Ingest;

/// <summary>The order of checks, without a server: whatever is wrong besides, the first in the contract's order answers.</summary>
public class TelemetryRulesTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly byte[] Good = Tokens.Digest("good");
    private static readonly byte[] Wrong = Tokens.Digest("wrong");

    /// <summary>What can be wrong, in the contract's order; each spoils a request that is otherwise as it was.</summary>
    private static readonly (string Code, int Status, Func<Sent, Sent> Spoil)[] Faults =
    [
        ("PAYLOAD_TOO_LARGE", 413, sent => sent with { Unreadable = Problems.Of(413, "PAYLOAD_TOO_LARGE", "") }),
        ("TOKEN_MISSING", 401, sent => sent with { Token = null }),
        ("UNSUPPORTED_MEDIA_TYPE", 415, sent => sent with { Unreadable = sent.Unreadable ?? Problems.Of(415, "UNSUPPORTED_MEDIA_TYPE", "") }),
        ("TENANT_MISMATCH_TOPIC_VS_PAYLOAD", 422, sent => sent with { Tenant = "\"other\"" }),
        ("DEVICE_MISMATCH_TOPIC_VS_PAYLOAD", 422, sent => sent with { Device = "\"other\"" }),
        ("MISSING_SITE_ID", 422, sent => sent with { Site = "null" }),
        ("UNREGISTERED_DEVICE", 401, sent => sent with { IsRegistered = false }),
        ("TOKEN_INVALID", 401, sent => sent with { Token = sent.Token is null ? null : Wrong }),
        ("DEVICE_REVOKED", 403, sent => sent with { IsRevoked = true }),
        ("SITE_MISMATCH", 403, sent => sent with { Site = sent.Site == "null" ? "null" : "\"cellar\"" }),
        ("RATE_LIMITED", 429, sent => sent with { IsTooOften = true }),
        ("INVALID_TELEMETRY", 422, sent => sent with { Metrics = "5" }),
    ];

    public static TheoryData<string> Codes => [.. Faults.Select(fault => fault.Code)];

    [Fact]
    public void A_request_without_a_fault_becomes_a_record()
    {
        var result = Judge(new Sent());

        Assert.Null(result.Refusal);
        Assert.Equal(
            new("home", "plug-1", "garden", Now.AddMinutes(-1), "telemetry", """{"power_w":12.5}"""), result.Accepted);
        Assert.True(result.IsAuthenticated);
    }

    [Theory]
    [MemberData(nameof(Codes))]
    public void Each_fault_alone_is_refused_with_its_code_and_status(string code)
    {
        var (_, status, spoil) = Faults.Single(fault => fault.Code == code);

        var refusal = Judge(spoil(new Sent())).Refusal;

        Assert.Equal((code, status), (refusal?.Code, refusal?.Status));
    }

    [Theory]
    [MemberData(nameof(Codes))]
    public void Of_two_faults_the_earlier_one_answers(string code)
    {
        var first = Array.FindIndex(Faults, fault => fault.Code == code);
        foreach (var later in Faults[(first + 1)..])
        {
            var result = Judge(Faults[first].Spoil(later.Spoil(new Sent())));

            Assert.True(result.Refusal?.Code == code, $"{code} and {later.Code}: {result.Refusal?.Code}");
            Assert.Null(result.Accepted);
        }
    }

    [Fact]
    public void Only_who_gets_as_far_as_the_bucket_takes_from_it()
    {
        foreach (var (code, _, spoil) in Faults)
        {
            var taken = 0;
            Judge(spoil(new Sent()), () => taken++);

            Assert.Equal(code is "RATE_LIMITED" or "INVALID_TELEMETRY" ? 1 : 0, taken);
        }
    }

    [Fact]
    public void A_body_that_is_no_JSON_is_refused_after_the_token_and_before_all_that_it_could_say()
    {
        Assert.Equal("MALFORMED_BODY", Judge(new Sent { Raw = "{" }).Refusal?.Code);
        Assert.Equal("TOKEN_MISSING", Judge(new Sent { Raw = "{", Token = null }).Refusal?.Code);
        Assert.Equal("MALFORMED_BODY", Judge(new Sent { Raw = "{", IsRegistered = false }).Refusal?.Code);
    }

    [Fact]
    public void Where_no_token_is_required_a_missing_one_passes_and_a_wrong_one_does_not()
    {
        var sent = new Sent { NeedsToken = false };

        Assert.Null(Judge(sent with { Token = null }).Refusal);
        Assert.False(Judge(sent with { Token = null }).IsAuthenticated);
        Assert.Equal("TOKEN_INVALID", Judge(sent with { Token = Wrong }).Refusal?.Code);
    }

    [Fact]
    public void Authenticated_is_who_shows_a_good_token_of_a_device_that_is_not_revoked()
    {
        Assert.True(Judge(new Sent { Site = "\"cellar\"" }).IsAuthenticated);
        Assert.True(Judge(new Sent { Tenant = "\"other\"" }).IsAuthenticated);
        Assert.False(Judge(new Sent { IsRevoked = true }).IsAuthenticated);
        Assert.False(Judge(new Sent { Token = Wrong }).IsAuthenticated);
        Assert.False(Judge(new Sent { IsRegistered = false }).IsAuthenticated);
    }

    [Theory]
    [InlineData("heartbeat", "{}", null)]
    [InlineData("heartbeat", "null", null)]
    [InlineData("telemetry", "{}", "metrics EMPTY_SAMPLE")]
    [InlineData("telemetry", "null", "metrics EMPTY_SAMPLE")]
    [InlineData("telemetry", """{"a":1e400}""", "metrics[0] OUT_OF_RANGE")]
    [InlineData("telemetry", """{"a":1,"b":{"c":[1,-1e999]}}""", "metrics[1] OUT_OF_RANGE")]
    [InlineData("telemetry", """{"a":1,"a":2}""", "metrics[1] DUPLICATE_MEMBER")]
    [InlineData("telemetry", """{"a":"\u0000"}""", "metrics[0] OUT_OF_RANGE")]
    [InlineData("telemetry", """{"a":"\ud800"}""", "metrics[0] OUT_OF_RANGE")]
    [InlineData("telemetry", """{"\udc00":1}""", "metrics[0] OUT_OF_RANGE")]
    [InlineData("telemetry", """{"":1}""", "metrics[0] OUT_OF_RANGE")]
    [InlineData("telemetry", """[1]""", "metrics WRONG_TYPE")]
    [InlineData("telemetry", """{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":1}}}}}}}}""", null)]
    [InlineData("telemetry", """{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":[]}}}}}}}}""", "metrics[0] OUT_OF_RANGE")]
    [InlineData("telemetry", """{"on":true,"state":null,"text":"kühl 😀","list":[1,-2.5e3,9223372036854775807,18446744073709551615]}""", null)]
    public void Metrics_are_what_can_be_stored(string type, string metrics, string? wrong) =>
        Assert.Equal(wrong, Wrongs(new Sent { Type = type, Metrics = metrics }));

    [Fact]
    public void As_many_values_as_are_allowed_pass_and_one_more_does_not()
    {
        Assert.Null(Wrongs(new Sent { Metrics = Many(256) }));
        Assert.Equal("metrics[256] OUT_OF_RANGE", Wrongs(new Sent { Metrics = Many(257) }));
        Assert.Null(Wrongs(new Sent { Metrics = $$"""{"{{new string('n', 64)}}":"{{new string('t', 1024)}}"}""" }));
        Assert.Equal("metrics[0] OUT_OF_RANGE", Wrongs(new Sent { Metrics = $$"""{"{{new string('n', 65)}}":1}""" }));
        Assert.Equal("metrics[0] OUT_OF_RANGE", Wrongs(new Sent { Metrics = $$"""{"n":"{{new string('t', 1025)}}"}""" }));

        static string Many(int count) => $"{{{string.Join(',', Enumerable.Range(0, count).Select(i => $"\"m{i}\":{i}"))}}}";
    }

    [Theory]
    [InlineData("null", "ts REQUIRED")]
    [InlineData("5", "ts WRONG_TYPE")]
    [InlineData("\"yesterday\"", "ts MALFORMED_TIMESTAMP")]
    [InlineData("\"2026-06-01T12:05:00Z\"", null)]
    [InlineData("\"2026-06-01T12:05:01Z\"", "ts TIMESTAMP_IN_FUTURE")]
    [InlineData("\"1999-12-31T23:59:59Z\"", "ts TIMESTAMP_TOO_OLD")]
    [InlineData("\"2026-06-01T12:00:00Z\",\"ts\":5", "ts DUPLICATE_MEMBER")]
    public void A_time_is_that_of_a_sample(string ts, string? wrong) => Assert.Equal(wrong, Wrongs(new Sent { Ts = ts }));

    [Theory]
    [InlineData("null")]
    [InlineData("\"\"")]
    [InlineData("5")]
    [InlineData("{\"site_id\":\"garden\"}")]
    [InlineData("\"\\ud800\"")]
    public void What_names_no_site_is_a_missing_one(string site) =>
        Assert.Equal("MISSING_SITE_ID", Judge(new Sent { Site = site }).Refusal?.Code);

    [Fact]
    public void What_is_no_text_contradicts_the_address()
    {
        Assert.Equal("TENANT_MISMATCH_TOPIC_VS_PAYLOAD", Judge(new Sent { Tenant = "5" }).Refusal?.Code);
        Assert.Equal("DEVICE_MISMATCH_TOPIC_VS_PAYLOAD", Judge(new Sent { Device = "[\"plug-1\"]" }).Refusal?.Code);
        Assert.Null(Judge(new Sent { Tenant = "null", Device = "null" }).Refusal);
        Assert.Null(Judge(new Sent { Tenant = "\"home\"", Device = "\"plug-1\"" }).Refusal);
    }

    private static string? Wrongs(Sent sent)
    {
        var result = Judge(sent);
        Assert.Contains(result.Refusal?.Code, new[] { null, "INVALID_TELEMETRY" });
        return result.Refusal is null
            ? null
            : string.Join(", ", result.Refusal.Errors!.Select(path => $"{path.Key} {string.Join('+', path.Value.Select(wrong => wrong.Code))}"));
    }

    private static IngestResult Judge(Sent sent, Action? taken = null)
    {
        var body = sent.Raw
            ?? $$"""
            {"tenant_id":{{sent.Tenant}},"device_id":{{sent.Device}},"site_id":{{sent.Site}},"ts":{{sent.Ts}},"metrics":{{sent.Metrics}},
             "of a newer device":[1]}
            """;
        var read = TelemetryReader.Read(Encoding.UTF8.GetBytes(body), SampleWindow.At(Now, retention: null));
        var request = new TelemetryRequest(
            "home", "plug-1", sent.Type, sent.Token, sent.NeedsToken, sent.Unreadable, sent.Unreadable is null ? read : null);
        var device = new RegisteredDevice(new("plug-1", "home", "garden", "UTC", sent.IsRevoked, 10), [new GoodToken(Good, null)]);
        return TelemetryRules.ValidateAndPrepare(request, new(sent.IsRegistered ? device : null), Now, () =>
        {
            taken?.Invoke();
            return sent.IsTooOften ? Problems.Of(429, "RATE_LIMITED", "") : null;
        });
    }

    private sealed record Sent
    {
        public string Type { get; init; } = "telemetry";
        public byte[]? Token { get; init; } = Good;
        public bool NeedsToken { get; init; } = true;
        public ProblemResult? Unreadable { get; init; }
        public string Tenant { get; init; } = "null";
        public string Device { get; init; } = "null";
        public string Site { get; init; } = "\"garden\"";
        public string Ts { get; init; } = JsonSerializer.Serialize(Rfc3339.Write(Now.AddMinutes(-1)));
        public string Metrics { get; init; } = """{"power_w":12.5}""";
        public string? Raw { get; init; }
        public bool IsRegistered { get; init; } = true;
        public bool IsRevoked { get; init; }
        public bool IsTooOften { get; init; }
    }
}
