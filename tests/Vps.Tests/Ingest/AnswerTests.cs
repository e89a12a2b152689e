using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Vps.Tests.Ingest;

/// <summary>One server for a whole table: what is refused leaves nothing behind.</summary>
public sealed class AnswerServer(Databases databases) : IAsyncDisposable
{
    private Task<VpsServer>? _started;

    internal Task<VpsServer> StartedAsync() => _started ??= StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (_started is { IsCompletedSuccessfully: true })
        {
            await (await _started).DisposeAsync();
        }
    }

    private async Task<VpsServer> StartAsync()
    {
        var vps = await VpsServer.StartAsync(await databases.CreateAsync(), "--MAX_PAYLOAD_BYTES=2000000");
        await vps.ExecuteAsync("UPDATE devices SET status = 'REVOKED' WHERE device_id = 'inverter-3'");
        return vps;
    }
}

public sealed class AnswerTests(AnswerServer server) : IClassFixture<AnswerServer>, IAsyncLifetime
{
    private const string Json = "application/json";
    private const string Secret = "hunter2";

    private static readonly string Ts = Rfc3339.Write(Series.Start);
    private static readonly string Good = Sample();

    private VpsServer Vps { get; set; } = null!;

    public async ValueTask InitializeAsync() => Vps = await server.StartedAsync();

    public ValueTask DisposeAsync() => default;

    [Fact]
    public async Task An_empty_list_is_all_zeros()
    {
        Assert.Equal(new(0, 0, 0), (await Vps.IngestAsync("""{"samples":[]}""")).Counts());
        Assert.Equal(new(0, 0, 0), (await Vps.IngestAsync("""{"samples":[],"from":"a newer edge","buffer_id":null}""")).Counts());
    }

    [Theory]
    [InlineData(null, "TOKEN_MISSING")]
    [InlineData("", "TOKEN_MISSING")]
    [InlineData("Bearer", "TOKEN_MISSING")]
    [InlineData("Bearer ", "TOKEN_MISSING")]
    [InlineData("Basic ZGV2aWNlLTE6aHVudGVyMg==", "TOKEN_MISSING")]
    [InlineData("device-1", "TOKEN_MISSING")]
    [InlineData("Bearer hunter2", "TOKEN_INVALID")]
    [InlineData("Bearer Device-1", "TOKEN_INVALID")]
    [InlineData("Bearer device-1 device-1", "TOKEN_INVALID")]
    [InlineData("Bearer viewer", "TOKEN_INVALID")] // A good token, of another kind.
    [InlineData("Bearer sg_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_85874e58", "TOKEN_INVALID")]
    public async Task Without_a_good_token_everything_else_does_not_matter(string? authorization, string code)
    {
        foreach (var path in new[] { "/v1/ingest", "/v1/heartbeat" })
        {
            var answer = await SendAsync(path, new StringContent("not JSON", Encoding.UTF8, "text/plain"), authorization);

            AssertProblem(answer, 401, code);
            Assert.StartsWith("Bearer", Assert.Single(answer.Headers.WwwAuthenticate).ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_scheme_is_read_in_any_case() =>
        Assert.Equal(HttpStatusCode.OK, (await SendAsync("/v1/ingest", Content("""{"samples":[]}"""), "bEARER  device-1 ")).Status);

    [Fact]
    public async Task A_revoked_device_is_refused_before_its_body_is_looked_at() =>
        AssertProblem(
            await SendAsync("/v1/ingest", new StringContent("not JSON", Encoding.UTF8, "text/plain"), "Bearer device-3"),
            403,
            "DEVICE_REVOKED");

    [Theory]
    [InlineData(null, null, "UNSUPPORTED_MEDIA_TYPE")]
    [InlineData("text/plain", null, "UNSUPPORTED_MEDIA_TYPE")]
    [InlineData("application/x-www-form-urlencoded", null, "UNSUPPORTED_MEDIA_TYPE")]
    [InlineData("text/json", "gzip", "UNSUPPORTED_MEDIA_TYPE")]
    [InlineData(Json, "br", "UNSUPPORTED_ENCODING")]
    [InlineData(Json, "deflate", "UNSUPPORTED_ENCODING")]
    [InlineData(Json, "zstd", "UNSUPPORTED_ENCODING")]
    [InlineData(Json, "identity", "UNSUPPORTED_ENCODING")]
    [InlineData(Json, "gzip, gzip", "UNSUPPORTED_ENCODING")]
    [InlineData(Json, "hunter2", "UNSUPPORTED_ENCODING")]
    public async Task Another_media_type_or_encoding_is_refused_before_the_body_is_looked_at(string? type, string? encoding, string code)
    {
        var content = Content("not JSON", type);
        if (encoding is not null)
        {
            content.Headers.TryAddWithoutValidation("Content-Encoding", encoding);
        }

        AssertProblem(await Vps.PostAsync("/v1/ingest", content), 415, code);
    }

    [Theory]
    [InlineData("application/json; charset=utf-8", null)]
    [InlineData("Application/JSON", null)]
    [InlineData(Json, "GZIP")]
    public async Task Case_and_parameters_of_the_headers_do_not_matter(string type, string? encoding)
    {
        var content = encoding is null ? Content("""{"samples":[]}""", type) : new ByteArrayContent(BodyTests.Gzip("""{"samples":[]}"""));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        if (encoding is not null)
        {
            content.Headers.ContentEncoding.Add(encoding);
        }

        Assert.Equal(new(0, 0, 0), (await Vps.PostAsync("/v1/ingest", content)).Counts());
    }

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("hunter2")]
    [InlineData("""{"samples":[""")]
    [InlineData("""{"samples":[]} {}""")]
    [InlineData("""{"samples":[],}""")]
    [InlineData("""{'samples':[]}""")]
    [InlineData("""{"samples":[{"device_id":"inverter-1","ts":"2026-01-01T00:00:00Z","pv_power_w":NaN}]}""")]
    [InlineData("""{"samples":[{"device_id":"inverter-1","ts":"2026-01-01T00:00:00Z","pv_power_w":Infinity}]}""")]
    [InlineData("""{"samples":[{"device_id":"inverter-1","ts":"2026-01-01T00:00:00Z","pv_power_w":-Infinity}]}""")]
    [InlineData("""{"samples":[{"device_id":"inverter-2","hunter2":01}]}""")]
    public async Task What_is_not_JSON_is_malformed(string body) => AssertProblem(await Vps.IngestAsync(body), 400, "MALFORMED_BODY");

    [Fact]
    public async Task JSON_that_nests_without_end_is_malformed() =>
        AssertProblem(
            await Vps.IngestAsync($$"""{"samples":{{new string('[', 500_000)}}{{new string(']', 500_000)}}}"""), 400, "MALFORMED_BODY");

    [Fact]
    public async Task A_sample_of_another_device_is_refused_with_both_names_and_nothing_is_stored()
    {
        var body = $$"""{"samples":[{{Good}},{"device_id":"inverter-2","ts":"{{Ts}}","battery_soc_pct":500}]}""";

        var answer = await Vps.IngestAsync(body);

        AssertProblem(answer, 403, "DEVICE_MISMATCH");
        Assert.Contains("inverter-1", answer.Body, StringComparison.Ordinal);
        Assert.Contains("inverter-2", answer.Body, StringComparison.Ordinal);
        Assert.Equal(0, await Vps.CountAsync("sungrow_samples WHERE device_id = 'inverter-1'"));
    }

    [Theory]
    [InlineData("[]", "samples", "REQUIRED")]
    [InlineData("null", "samples", "REQUIRED")]
    [InlineData("{}", "samples", "REQUIRED")]
    [InlineData("""{"samples":null}""", "samples", "WRONG_TYPE")]
    [InlineData("""{"samples":{}}""", "samples", "WRONG_TYPE")]
    [InlineData("""{"samples":[],"samples":[]}""", "samples", "DUPLICATE_MEMBER")]
    [InlineData("""{"buffer_id":"hunter2","samples":[]}""", "buffer_id", "WRONG_TYPE")]
    [InlineData("""{"samples":[null]}""", "samples[0]", "WRONG_TYPE")]
    [InlineData("""{"samples":[{}]}""", "samples[0].device_id", "REQUIRED")]
    public async Task A_body_of_another_shape_is_named(string body, string path, string code)
    {
        var answer = await Vps.IngestAsync(body);

        AssertProblem(answer, 422, "INVALID_SAMPLES");
        Assert.Contains(
            code,
            answer.Json.GetProperty("errors").GetProperty(path).EnumerateArray().Select(error => error.GetProperty("code").GetString()));
    }

    [Theory]
    [InlineData("device_id", "\"in/verter\"", "MALFORMED_DEVICE_ID")]
    [InlineData("device_id", "\"hunter2 \"", "MALFORMED_DEVICE_ID")]
    [InlineData("device_id", "7", "WRONG_TYPE")]
    [InlineData("ts", "\"2026-01-01T00:00:00\"", "MALFORMED_TIMESTAMP")]
    [InlineData("ts", "1767225600", "WRONG_TYPE")]
    [InlineData("ts", "\"1999-12-31T23:59:59Z\"", "TIMESTAMP_TOO_OLD")]
    [InlineData("ts", "\"2020-01-01T00:00:00Z\"", "TIMESTAMP_TOO_OLD")] // Beyond five years of retention.
    [InlineData("ts", "\"9999-12-31T23:59:59Z\"", "TIMESTAMP_IN_FUTURE")]
    [InlineData("battery_soc_pct", "100.1", "OUT_OF_RANGE")]
    [InlineData("battery_soc_pct", "1e999", "OUT_OF_RANGE")]
    [InlineData("battery_soc_pct", "\"50\"", "WRONG_TYPE")]
    [InlineData("battery_soc_pct", "\"hunter2\"", "WRONG_TYPE")]
    [InlineData("sample_count", "0", "OUT_OF_RANGE")]
    [InlineData("sample_count", "1.5", "WRONG_TYPE")]
    [InlineData("interval_s", "0", "OUT_OF_RANGE")]
    [InlineData("seq", "0", "OUT_OF_RANGE")]
    public async Task A_wrong_value_is_named_with_what_is_allowed_and_every_bad_sample_is_listed(string member, string value, string code)
    {
        var bad = Sample((member, value));

        var answer = await Vps.IngestAsync($$"""{"samples":[{{bad}},{{Good}},{{bad}}]}""");

        AssertProblem(answer, 422, "INVALID_SAMPLES");
        var errors = answer.Json.GetProperty("errors");
        Assert.Equal(
            [$"samples[0].{member}", $"samples[2].{member}"],
            errors.EnumerateObject().Select(error => error.Name).Order(StringComparer.Ordinal));
        foreach (var error in errors.EnumerateObject())
        {
            var only = Assert.Single(error.Value.EnumerateArray());
            Assert.Equal(code, only.GetProperty("code").GetString());
            Assert.NotEmpty(only.GetProperty("detail").GetString()!);
        }

        Assert.Equal(0, await Vps.CountAsync("sungrow_samples WHERE device_id = 'inverter-1'"));
    }

    [Fact]
    public async Task A_sample_without_a_value_is_empty()
    {
        var answer = await Vps.IngestAsync($$"""{"samples":[{"device_id":"inverter-1","ts":"{{Ts}}","pv_power_w":null}]}""");

        AssertProblem(answer, 422, "INVALID_SAMPLES");
        Assert.Equal("EMPTY_SAMPLE", answer.Json.GetProperty("errors").GetProperty("samples[0]")[0].GetProperty("code").GetString());
    }

    [Theory]
    [InlineData(290, 200)]
    [InlineData(3600, 422)]
    public async Task A_sample_may_be_five_minutes_ahead(int seconds, int status)
    {
        var ts = Rfc3339.Truncate(TimeProvider.System.GetUtcNow().AddSeconds(seconds));
        var ahead = Series.Sample(1) with { DeviceId = "inverter-2", Ts = ts };

        Assert.Equal(status, (int)(await Vps.IngestAsync(new IngestBatch(null, [ahead]), "device-2")).Status);
    }

    [Fact]
    public async Task Five_thousand_samples_are_taken_and_one_more_is_not()
    {
        var most = Enumerable.Range(0, 5000).Select(number => Series.Sample(number, Series.Start.AddDays(-3), "inverter-2")).ToArray();

        AssertProblem(await Vps.IngestAsync(new IngestBatch(null, [.. most, most[0]]), "device-2"), 413, "TOO_MANY_SAMPLES");
        Assert.Equal(new(5000, 0, 0), (await Vps.IngestAsync(new IngestBatch(null, most), "device-2")).Counts());
    }

    [Fact]
    public async Task A_body_may_be_as_large_as_MAX_PAYLOAD_BYTES_says_and_no_larger()
    {
        const string body = """{"samples":[]}""";
        var most = body + new string(' ', 2_000_000 - body.Length);

        Assert.Equal(HttpStatusCode.OK, (await Vps.IngestAsync(most)).Status);
        AssertProblem(await Vps.IngestAsync(most + " "), 413, "PAYLOAD_TOO_LARGE");
        Assert.Equal(2_000_000, (await Vps.GetAsync("/v1/whoami")).Json.GetProperty("limits").GetProperty("max_payload_bytes").GetInt32());
    }

    [Theory]
    [InlineData("GET", "/v1/ingest", 405, "METHOD_NOT_ALLOWED")]
    [InlineData("PUT", "/v1/heartbeat", 405, "METHOD_NOT_ALLOWED")]
    [InlineData("DELETE", "/v1/whoami", 405, "METHOD_NOT_ALLOWED")]
    [InlineData("GET", "/nowhere", 404, "NOT_FOUND")]
    [InlineData("GET", "/v1/hunter2", 404, "NOT_FOUND")]
    [InlineData("GET", "/openapi/hunter2.json", 404, "NOT_FOUND")]
    [InlineData("POST", "/v1/ingest/hunter2", 404, "NOT_FOUND")]
    public async Task What_is_not_there_is_a_problem_too(string method, string path, int status, string code)
    {
        var answer = await Vps.SendAsync(new HttpMethod(method), path, null, VpsServer.Token);

        AssertProblem(answer, status, code);
    }

    private static StringContent Content(string body, string? type = Json)
    {
        StringContent content = new(body, Encoding.UTF8);
        content.Headers.ContentType = type is null ? null : MediaTypeHeaderValue.Parse(type);
        return content;
    }

    private static string Sample(params (string Member, string Value)[] others)
    {
        Dictionary<string, string> members = new() { ["device_id"] = "\"inverter-1\"", ["ts"] = $"\"{Ts}\"", ["pv_power_w"] = "1" };
        foreach (var (member, value) in others)
        {
            members[member] = value;
        }

        return $"{{{string.Join(',', members.Select(member => $"\"{member.Key}\":{member.Value}"))}}}";
    }

    private static void AssertProblem(Answer answer, int status, string code)
    {
        Assert.Equal((status, code, "application/problem+json"), ((int)answer.Status, answer.Code, answer.ContentType));
        Assert.Equal(status.ToString(CultureInfo.InvariantCulture), answer.Json.GetProperty("status").ToString());
        Assert.NotEmpty(answer.Json.GetProperty("title").GetString()!);
        Assert.NotEmpty(answer.Json.GetProperty("detail").GetString()!);
        Assert.DoesNotContain(Secret, answer.Body, StringComparison.OrdinalIgnoreCase);
    }

    private async Task<Answer> SendAsync(string path, HttpContent content, string? authorization)
    {
        using HttpClient http = new();
        using HttpRequestMessage request = new(HttpMethod.Post, new Uri(Vps.Address, path)) { Content = content };
        if (authorization is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        using var answer = await http.SendAsync(request);
        return new Answer(
            answer.StatusCode, await answer.Content.ReadAsStringAsync(), answer.Content.Headers.ContentType?.MediaType, answer.Headers);
    }
}
