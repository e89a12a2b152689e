using System.Text;
using System.Text.Json;

namespace Sungrow.Protocol.Tests;

/// <summary>Answers as the edge reads them. What a proxy, a captive portal or a newer server says must not pass for ours, nor throw
/// anything but <see cref="JsonException"/>.</summary>
public class AnswerTests
{
    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"inserted":5}""")]
    [InlineData("""{"inserted":5,"duplicates":0}""")]
    [InlineData("""{"inserted":5,"duplicates":0,"conflicts":null}""")]
    [InlineData("""{"inserted":"5","duplicates":0,"conflicts":0}""")]
    [InlineData("""{"inserted":5000000000,"duplicates":0,"conflicts":0}""")]
    public void An_ingest_answer_without_its_three_counts_is_none(string json) =>
        Assert.False(TryRead(json, out var answer) && answer is not null, json);

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"server_time":"2026-09-08T16:00:00Z"}""")]
    [InlineData("""{"server_time":"2026-09-08T16:00:00Z","repeat_since":null}""")]
    [InlineData("""{"resend":[],"repeat_since":null}""")]
    [InlineData("""{"server_time":"2026-09-08T16:00:00Z","resend":null,"repeat_since":null}""")]
    [InlineData("""{"server_time":"2026-09-08T16:00:00Z","resend":[null],"repeat_since":null}""")]
    [InlineData("""{"server_time":"2026-09-08T16:00:00Z","resend":[{}],"repeat_since":null}""")]
    [InlineData("""{"server_time":"now","resend":[],"repeat_since":null}""")]
    public void Nothing_is_acknowledged_by_what_is_no_heartbeat_answer(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(json, ProtocolJson.Default.HeartbeatAnswer));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"device_id":"a","tenant":"t","site":"s","time_zone":"UTC","server_time":"2026-09-08T16:00:00Z"}""")]
    [InlineData("""{"device_id":"a","tenant":"t","site":"s","time_zone":"UTC","server_time":"2026-09-08T16:00:00Z","limits":{}}""")]
    [InlineData("""{"device_id":null,"tenant":"t","site":"s","time_zone":"UTC","server_time":"2026-09-08T16:00:00Z","limits":null}""")]
    public void Nobody_is_told_who_he_is_by_half_an_answer(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(json, ProtocolJson.Default.WhoAmI));

    [Theory]
    [InlineData("""{"code":"INVALID_SAMPLES"}""")]
    [InlineData("""{"code":"INVALID_SAMPLES","errors":null}""")]
    [InlineData("""{"code":"INVALID_SAMPLES","errors":[]}""")]
    [InlineData("""{"code":"INVALID_SAMPLES","errors":"samples[0]"}""")]
    [InlineData("""{"code":"INVALID_SAMPLES","errors":{}}""")]
    [InlineData("""{"code":"INVALID_SAMPLES","errors":{"samples[0].ts":null}}""")]
    [InlineData("""{"code":"INVALID_SAMPLES","errors":{"samples[0].ts":["text"]}}""")]
    [InlineData("""{"code":"INVALID_SAMPLES","errors":{"samples[0].ts":[null,{},{"code":5},{"code":null},{"detail":"x"}]}}""")]
    [InlineData("""{"code":"INVALID_SAMPLES","errors":{"samples[0].ts":{"code":"REQUIRED"}}}""")]
    [InlineData("""{"code":"INVALID_SAMPLES","errors":{"samples[0].ts":[{"code":"not ours"}]}}""")]
    public void A_code_is_enough_for_a_problem_to_be_ours_and_unusable_errors_are_as_good_as_none(string json)
    {
        var problem = JsonSerializer.Deserialize(json, ProtocolJson.Default.Problem)!;

        Assert.Equal(ErrorCodes.InvalidSamples, problem.Code);
        Assert.Empty(problem.Errors ?? new Dictionary<string, IReadOnlyList<FieldProblem>>(StringComparer.Ordinal));
    }

    [Fact]
    public void Of_a_newer_servers_errors_what_can_be_used_is_kept()
    {
        var problem = JsonSerializer.Deserialize(
            """
            {"type":"about:blank","code":"INVALID_SAMPLES","instance":5,"errors":
              {"samples[0].ts":[{"code":"REQUIRED","detail":"a string","since":2},{"code":"A_NEW_CODE"}],
               "samples":5,
               "samples[1]":[7,{"code":"EMPTY_SAMPLE","detail":5}]}}
            """,
            ProtocolJson.Default.Problem)!;

        Assert.Equal(["samples[0].ts", "samples[1]"], problem.Errors!.Keys);
        Assert.Equal([new(ErrorCodes.Required, "a string"), new("A_NEW_CODE", "")], problem.Errors["samples[0].ts"]);
        Assert.Equal([new(ErrorCodes.EmptySample, "")], problem.Errors["samples[1]"]);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"title":"Not Found","status":404}""")]
    [InlineData("""{"code":null}""")]
    [InlineData("""{"code":404}""")]
    [InlineData("""{"code":"\ud800"}""")]
    [InlineData("""{"code":"INVALID_SAMPLES","errors":{"\ud800":[{"code":"REQUIRED"}]}}""")]
    [InlineData("""{"code":"INVALID_SAMPLES","errors":{"samples[0]":[{"code":"\ud800"}]}}""")]
    [InlineData("<html>502 Bad Gateway</html>")]
    public void Without_a_readable_code_it_is_not_our_problem(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(json, ProtocolJson.Default.Problem));

    [Fact]
    public void Errors_are_grouped_by_path_in_their_order()
    {
        var grouped = Problem.Group([new("b", "ONE", "1"), new("a", "TWO", "2"), new("b", "THREE", "3")]);

        Assert.Equal(["b", "a"], grouped.Keys);
        Assert.Equal([new("ONE", "1"), new("THREE", "3")], grouped["b"]);
    }

    [Fact]
    public void Grouping_many_errors_of_one_path_costs_no_more_than_of_many_paths()
    {
        var one = Cost.Allocated(() => Problem.Group(Enumerable.Repeat(new FieldError("a", "CODE", ""), 20_000)));
        var many = Cost.Allocated(() => Problem.Group(Enumerable.Range(0, 20_000).Select(i => new FieldError($"a{i}", "CODE", ""))));

        Assert.True(one < 2 * many, $"{one} bytes for one path, {many} for many.");
    }

    [Fact]
    public void Mangled_answers_throw_nothing_but_JsonException() => Any.Holds(
        random =>
        {
            var name = random.One("problem-invalid-samples", "heartbeat-answer", "edge-report", "who-am-i");
            var golden = new StringBuilder(Repository.Golden($"{name}.json"));
            for (var i = random.Next(4); i >= 0; i--)
            {
                var at = random.Next(golden.Length);
                golden.Remove(at, Math.Min(random.Next(3), golden.Length - at));
                golden.Insert(at, random.One("null", "{}", "[]", "\"\\ud800\"", "\\ud800", "1e999", "[null]", "\"", ",", "}"));
            }

            return golden.ToString();
        },
        json =>
        {
            foreach (var read in new Func<object?>[]
            {
                () => JsonSerializer.Deserialize(json, ProtocolJson.Default.Problem),
                () => JsonSerializer.Deserialize(json, ProtocolJson.Default.HeartbeatAnswer),
                () => JsonSerializer.Deserialize(json, ProtocolJson.Default.WhoAmI),
                () => EdgeReportRules.Check(JsonSerializer.Deserialize(json, ProtocolJson.Default.EdgeReport) ?? Reports.Minimal),
            })
            {
                try
                {
                    read();
                }
                catch (JsonException)
                {
                    // The one way in which a reader learns of it.
                }
            }
        },
        times: 3_000);

    private static bool TryRead(string json, out IngestAnswer? answer)
    {
        try
        {
            answer = JsonSerializer.Deserialize(json, ProtocolJson.Default.IngestAnswer);
            return true;
        }
        catch (JsonException)
        {
            answer = null;
            return false;
        }
    }
}
