using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Serialization.Metadata;
using Sungrow.Edge.Uplink;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public class AnswerTests
{
    private const string Json = "application/json";
    private const string ProblemJson = "application/problem+json";
    private const string Ours = """{"inserted":1,"duplicates":2,"conflicts":3}""";
    private const string Portal = "<html><body>Please sign in to the guest network.</body></html>";

    private static readonly DateTimeOffset Now = new(2026, 9, 8, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(Ours)]
    [InlineData("""{ "conflicts" : 3, "duplicates":2, "inserted":1, "from_a_newer_server": {"x":[1]} }""")]
    public void Our_200_is_an_answer(string body) =>
        Assert.Equal(new Answered<IngestAnswer>(new(1, 2, 3)), Read(200, Json, body));

    [Theory]
    [InlineData(200, Json, "{}")]
    [InlineData(200, Json, """{"inserted":6}""")]
    [InlineData(200, Json, """{"inserted":1,"duplicates":2}""")]
    [InlineData(200, Json, """{"inserted":1,"duplicates":2,"conflicts":null}""")]
    [InlineData(200, Json, """{"inserted":"1","duplicates":2,"conflicts":3}""")]
    [InlineData(200, Json, """{"inserted":1.5,"duplicates":2,"conflicts":3}""")]
    [InlineData(200, Json, """{"inserted":99999999999,"duplicates":2,"conflicts":3}""")]
    [InlineData(200, Json, """{"inserted":1,"duplicates":2,"confl""")]
    [InlineData(200, Json, """{"status":"ok"}""")]
    [InlineData(200, Json, "null")]
    [InlineData(200, Json, "[]")]
    [InlineData(200, Json, "6")]
    [InlineData(200, Json, "")]
    [InlineData(200, Json, "\0\u0001\u0002")]
    [InlineData(200, "text/html", Portal)]
    [InlineData(200, ProblemJson, """{"title":"No.","status":200,"code":"TOKEN_INVALID"}""")]
    [InlineData(201, Json, Ours)]
    [InlineData(202, Json, Ours)]
    [InlineData(204, null, "")]
    [InlineData(206, Json, Ours)]
    [InlineData(301, "text/html", Portal)]
    [InlineData(302, ProblemJson, """{"title":"No.","status":302,"code":"TOKEN_INVALID"}""")]
    [InlineData(400, Json, Ours)]
    [InlineData(502, "text/html", "<h1>Bad Gateway</h1>")]
    [InlineData(503, null, "")]
    [InlineData(503, "text/plain", "upstream connect error")]
    public void Anything_else_is_no_answer_whatever_its_status(int status, string? contentType, string body) =>
        Assert.Contains("check Uplink__Url", Assert.IsType<NoAnswer<IngestAnswer>>(Read(status, contentType, body)).Sentence);

    [Theory]
    [InlineData(400, "MALFORMED_BODY")]
    [InlineData(401, "TOKEN_INVALID")]
    [InlineData(403, "DEVICE_MISMATCH")]
    [InlineData(404, "NOT_FOUND")]
    [InlineData(408, "REQUEST_TIMEOUT")]
    [InlineData(409, "CONFLICT")]
    [InlineData(413, "PAYLOAD_TOO_LARGE")]
    [InlineData(415, "UNSUPPORTED_ENCODING")]
    [InlineData(422, "INVALID_SAMPLES")]
    [InlineData(429, "RATE_LIMITED")]
    [InlineData(500, "INTERNAL_ERROR")]
    [InlineData(503, "DATABASE_UNAVAILABLE")]
    [InlineData(599, "A_CODE_OF_A_NEWER_SERVER_2")]
    public void Our_problem_is_a_refusal_also_with_a_code_of_a_newer_server(int status, string code)
    {
        foreach (var contentType in new[] { ProblemJson, "application/problem+json; charset=utf-8", "Application/Problem+JSON" })
        {
            var refused = Assert.IsType<Refused<IngestAnswer>>(Read(status, contentType, Answers.ProblemBody(status, code)));
            Assert.Equal((status, code), (refused.Status, refused.Problem.Code));
        }
    }

    [Theory]
    [InlineData("""{"code":"DEVICE_REVOKED"}""")]
    [InlineData("""{"title":"No.","status":401,"code":"DEVICE_REVOKED"}""")]
    public void The_code_makes_a_problem_ours_and_the_status_is_that_of_the_answer(string body) =>
        Assert.Equal(403, Assert.IsType<Refused<IngestAnswer>>(Read(403, ProblemJson, body)).Status);

    [Theory]
    [InlineData(Json, """{"title":"No.","status":403,"code":"DEVICE_REVOKED"}""")]
    [InlineData("text/html", """{"title":"No.","status":403,"code":"DEVICE_REVOKED"}""")]
    [InlineData(null, """{"title":"No.","status":403,"code":"DEVICE_REVOKED"}""")]
    [InlineData(ProblemJson, """{"title":"No.","status":"403","code":"DEVICE_REVOKED"}""")]
    [InlineData(ProblemJson, """{"title":"Forbidden","status":403}""")]
    [InlineData(ProblemJson, """{"title":"No.","status":403,"code":null}""")]
    [InlineData(ProblemJson, """{"title":"No.","status":403,"code":7}""")]
    [InlineData(ProblemJson, """{"title":"No.","status":403,"code":""}""")]
    [InlineData(ProblemJson, """{"title":"No.","status":403,"code":"NO"}""")]
    [InlineData(ProblemJson, """{"title":"No.","status":403,"code":"device_revoked"}""")]
    [InlineData(ProblemJson, """{"title":"No.","status":403,"code":"DEVICE-REVOKED"}""")]
    [InlineData(ProblemJson, """{"title":"No.","status":403,"code":"DEVICE_REVOKED\n"}""")]
    [InlineData(ProblemJson, """{"title":"No.","status":403,"code":"1DEVICE"}""")]
    [InlineData(ProblemJson, """{"title":"No.","status":403,"code":"DEVICE_REV""")]
    [InlineData(ProblemJson, "null")]
    [InlineData(ProblemJson, "")]
    [InlineData(ProblemJson, Portal)]
    public void A_403_without_our_content_type_and_a_code_of_our_form_is_no_answer(string? contentType, string body) =>
        Assert.IsType<NoAnswer<IngestAnswer>>(Read(403, contentType, body));

    [Theory]
    [InlineData("120", 120)]
    [InlineData("0", 0)]
    [InlineData("Tue, 08 Sep 2026 12:02:00 GMT", 120)]
    [InlineData("Tue, 08 Sep 2026 11:59:00 GMT", -60)]
    [InlineData("soon", null)]
    [InlineData(null, null)]
    public void Retry_after_is_handed_on_as_far_as_it_can_be_read(string? text, int? seconds)
    {
        var refused = Assert.IsType<Refused<IngestAnswer>>(
            Read(503, ProblemJson, Answers.ProblemBody(503, "WRITE_QUEUE_FULL"), ProtocolJson.Default.IngestAnswer, text));

        Assert.Equal(seconds, refused.RetryAfter?.TotalSeconds);
    }

    [Fact]
    public void A_date_to_wait_for_is_held_against_the_server_s_own_clock() =>
        Assert.Equal(
            new Refused<IngestAnswer>(503, new() { Title = "No.", Status = 503, Code = "WRITE_QUEUE_FULL" }, TimeSpan.FromSeconds(120))
            {
                ServerTime = Now.AddYears(-56),
            },
            Answer.Read(
                503, ProblemJson, [Now.AddYears(-56).AddSeconds(120).ToString("r")], Now.AddYears(-56),
                Encoding.UTF8.GetBytes(Answers.ProblemBody(503, "WRITE_QUEUE_FULL")), ProtocolJson.Default.IngestAnswer, Now));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"device_id":"SN1"}""")]
    [InlineData("""{"device_id":"SN1","tenant":"default","site":"default","time_zone":"UTC","server_time":"2026-09-08T12:00:00Z"}""")]
    [InlineData("""{"device_id":null,"tenant":"t","site":"s","time_zone":"UTC","server_time":"2026-09-08T12:00:00Z","limits":{}}""")]
    public void Something_else_s_json_does_not_tell_who_we_are(string body) =>
        Assert.IsType<NoAnswer<WhoAmI>>(Read(200, Json, body, ProtocolJson.Default.WhoAmI));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"server_time":"yesterday","resend":[],"repeat_since":null}""")]
    [InlineData("""{"server_time":"2026-09-08T12:00:00Z","resend":null,"repeat_since":null}""")]
    public void Something_else_s_json_does_not_take_a_report(string body) =>
        Assert.IsType<NoAnswer<HeartbeatAnswer>>(Read(200, Json, body, ProtocolJson.Default.HeartbeatAnswer));

    private static Answer<IngestAnswer> Read(int status, string? contentType, string body) =>
        Read(status, contentType, body, ProtocolJson.Default.IngestAnswer);

    private static Answer<T> Read<T>(int status, string? contentType, string body, JsonTypeInfo<T> form, string? retryAfter = null)
    {
        return Answer.Read(
            status,
            contentType is null ? null : MediaTypeHeaderValue.Parse(contentType).MediaType,
            retryAfter is null ? [] : [retryAfter],
            serverTime: null,
            Encoding.UTF8.GetBytes(body),
            form,
            Now);
    }
}
