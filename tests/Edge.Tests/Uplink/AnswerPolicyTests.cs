using Sungrow.Edge.Uplink;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public class AnswerPolicyTests
{
    private static readonly DateTimeOffset ServerTime = new(2026, 9, 8, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Status and code of ours, and what it leads to for a batch of ten.</summary>
    public static TheoryData<int, string, string> Ours => new()
    {
        { 400, "MALFORMED_BODY", "bad_batch" },
        { 401, "TOKEN_MISSING", "refused" },
        { 401, "TOKEN_INVALID", "refused" },
        { 402, "PAY_FIRST", "refused" },
        { 403, "DEVICE_REVOKED", "refused" },
        { 403, "DEVICE_MISMATCH", "device_paused" },
        { 404, "NOT_FOUND", "refused" },
        { 405, "METHOD_NOT_ALLOWED", "refused" },
        { 406, "SOME_CODE", "refused" },
        { 408, "REQUEST_TIMEOUT", "later" },
        { 409, "DEVICE_MISMATCH", "refused" },
        { 410, "GONE", "refused" },
        { 413, "TOO_MANY_SAMPLES", "too_large" },
        { 413, "PAYLOAD_TOO_LARGE", "too_large" },
        { 415, "UNSUPPORTED_ENCODING", "refused" },
        { 418, "SOME_CODE", "refused" },
        { 422, "INVALID_SAMPLES", "bad_batch" },
        { 423, "SOME_CODE", "refused" },
        { 425, "SOME_CODE", "refused" },
        { 426, "SOME_CODE", "refused" },
        { 428, "SOME_CODE", "refused" },
        { 429, "RATE_LIMITED", "rate_limited" },
        { 431, "SOME_CODE", "refused" },
        { 451, "SOME_CODE", "refused" },
        { 499, "SOME_CODE", "refused" },
        { 500, "INTERNAL_ERROR", "later" },
        { 501, "SOME_CODE", "refused" },
        { 502, "SOME_CODE", "later" },
        { 503, "DATABASE_UNAVAILABLE", "later" },
        { 503, "WRITE_QUEUE_FULL", "later" },
        { 504, "SOME_CODE", "later" },
        { 505, "SOME_CODE", "later" },
        { 507, "SOME_CODE", "later" },
        { 599, "A_CODE_OF_A_NEWER_SERVER", "later" },
    };

    [Theory]
    [MemberData(nameof(Ours))]
    public void Each_status_of_ours_has_its_place_whatever_the_code(int status, string code, string outcome) =>
        Assert.Equal(outcome, Decide(Refused(status, code)).Outcome);

    /// <summary>A row leaves the buffer only by a 200 that adds up, a 400, a 413 or a 422: all else keeps it.</summary>
    [Fact]
    public void No_other_status_of_ours_can_cost_a_sample() =>
        Assert.All(
            Enumerable.Range(400, 200).Except([400, 413, 422]),
            status => Assert.True(Decide(Refused(status, "SOME_CODE"), sent: 1) is Later or RateLimited or NeedsAHand, $"{status}"));

    [Theory]
    [InlineData(200)]
    [InlineData(204)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(407)]
    [InlineData(413)]
    [InlineData(422)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(501)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(511)]
    [InlineData(null)]
    public void An_answer_that_is_not_ours_is_only_waited_out_whatever_its_status(int? status)
    {
        foreach (var sent in new[] { 1, 10 })
        {
            var later = Assert.IsType<Later>(Decide(new NoAnswer<IngestAnswer>("gone.") { Status = status }, sent));
            Assert.Equal((null, "gone.", false), (later.AtLeast, later.Sentence, later.PerhapsTooLarge));
        }
    }

    [Theory]
    [InlineData(10, 0, 0, true)]
    [InlineData(0, 10, 0, true)]
    [InlineData(3, 3, 4, true)]
    [InlineData(9, 0, 0, false)]
    [InlineData(11, 0, 0, false)]
    [InlineData(0, 0, 0, false)]
    [InlineData(11, -1, 0, false)]
    [InlineData(int.MaxValue, int.MaxValue, 12, false)]
    public void A_200_counts_only_when_it_adds_up(int inserted, int duplicates, int conflicts, bool taken)
    {
        var decision = Decide(new Answered<IngestAnswer>(new(inserted, duplicates, conflicts)));

        Assert.Equal(taken, decision is Taken);
        Assert.Equal(!taken, decision is Later { AtLeast: null, PerhapsTooLarge: false });
    }

    [Theory]
    [InlineData(500, 0, 10, false)]
    [InlineData(500, 1, 10, false)]
    [InlineData(500, 2, 10, true)]
    [InlineData(500, 2, 2, true)]
    [InlineData(500, 9, 1, false)]
    [InlineData(502, 2, 10, true)]
    [InlineData(503, 2, 10, true)]
    [InlineData(504, 2, 10, true)]
    [InlineData(408, 2, 10, false)]
    public void The_third_equal_server_error_makes_the_size_of_a_batch_above_one_suspect(int status, int before, int sent, bool suspect)
    {
        Answer<IngestAnswer>[] answers = [Refused(status, "SOME_CODE"), new NoAnswer<IngestAnswer>("a proxy.") { Status = status }];
        Assert.All(answers, answer => Assert.Equal(
            suspect, Assert.IsType<Later>(AnswerPolicy.Decide(answer, sent, before)).PerhapsTooLarge));
    }

    [Theory]
    [InlineData(500, 10, 500)]
    [InlineData(502, 10, 502)]
    [InlineData(502, 1, null)]
    [InlineData(408, 10, null)]
    [InlineData(429, 10, null)]
    public void Only_server_errors_on_more_than_one_sample_are_counted(int status, int sent, int? counted)
    {
        Assert.Equal(counted, AnswerPolicy.ServerError(Refused(status, "SOME_CODE"), sent));
        Assert.Equal(counted, AnswerPolicy.ServerError(new NoAnswer<IngestAnswer>("a proxy.") { Status = status }, sent));
        Assert.Null(AnswerPolicy.ServerError(new NoAnswer<IngestAnswer>("gone."), sent));
        Assert.Null(AnswerPolicy.ServerError(new Answered<IngestAnswer>(new(sent, 0, 0)), sent));
    }

    [Fact]
    public void Retry_after_is_handed_on_of_429_and_503_alone()
    {
        var asked = TimeSpan.FromMinutes(2);

        Assert.Equal(asked, Assert.IsType<RateLimited>(Decide(Refused(429, "RATE_LIMITED", asked))).Asked);
        Assert.Equal(asked, Assert.IsType<Later>(Decide(Refused(503, "WRITE_QUEUE_FULL", asked))).AtLeast);
        Assert.Null(Assert.IsType<Later>(Decide(Refused(500, "INTERNAL_ERROR", asked))).AtLeast);
    }

    [Fact]
    public void A_422_names_each_bad_row_with_its_code_and_the_server_s_time()
    {
        var bad = Assert.IsType<BadRows>(Decide(Invalid(
            ("samples[0]", "EMPTY_SAMPLE"), ("samples[3].battery_soc_pct", "OUT_OF_RANGE"), ("samples[9].ts", "TIMESTAMP_TOO_OLD"))));

        Assert.Equal([0, 3, 9], bad.Rows.Keys.Order());
        Assert.Equal(new Refusal("OUT_OF_RANGE", "battery_soc_pct: allowed", ServerTime), bad.Rows[3]);
        Assert.Equal(["EMPTY_SAMPLE", "TIMESTAMP_TOO_OLD"], new[] { bad.Rows[0].Code, bad.Rows[9].Code });
    }

    [Theory]
    [InlineData("samples[3].ts", "TIMESTAMP_IN_FUTURE", "samples[3].pv_power_w", "OUT_OF_RANGE")]
    [InlineData("samples[3].pv_power_w", "OUT_OF_RANGE", "samples[3].ts", "TIMESTAMP_IN_FUTURE")]
    public void A_row_that_is_bad_otherwise_too_is_not_held_for_its_time(string path, string code, string otherPath, string otherCode) =>
        Assert.Equal("OUT_OF_RANGE", Assert.IsType<BadRows>(Decide(Invalid((path, code), (otherPath, otherCode)))).Rows[3].Code);

    [Theory]
    [InlineData("samples")]
    [InlineData("samples[10]")]
    [InlineData("samples[10].ts")]
    [InlineData("samples[-1]")]
    [InlineData("samples[ 1]")]
    [InlineData("samples[+1]")]
    [InlineData("samples[1")]
    [InlineData("samples[]")]
    [InlineData("samples[1]x")]
    [InlineData("samples[99999999999999]")]
    [InlineData("Samples[1]")]
    [InlineData("buffer_id")]
    [InlineData("")]
    public void A_path_that_names_no_row_of_the_batch_is_no_index(string path) =>
        Assert.IsType<BadBatch>(Decide(Invalid((path, "REQUIRED"))));

    [Fact]
    public void One_index_beyond_the_batch_means_that_the_answer_is_of_another() =>
        Assert.IsType<BadBatch>(Decide(Invalid(("samples[3]", "EMPTY_SAMPLE"), ("samples[10]", "EMPTY_SAMPLE"))));

    [Fact]
    public void A_422_without_errors_says_why_it_refuses() =>
        Assert.Equal(
            new Refusal("INVALID_SAMPLES", "No.", ServerTime), Assert.IsType<BadBatch>(Decide(Refused(422, "INVALID_SAMPLES"))).Why);

    private static Decision Decide(Answer<IngestAnswer> answer, int sent = 10) => AnswerPolicy.Decide(answer, sent, sameErrors: 0);

    private static Refused<IngestAnswer> Refused(int status, string code, TimeSpan? retryAfter = null) =>
        new(status, new Problem { Code = code, Title = "No." }, retryAfter) { ServerTime = ServerTime };

    private static Refused<IngestAnswer> Invalid(params (string Path, string Code)[] errors) =>
        new(422, new Problem
        {
            Code = "INVALID_SAMPLES",
            Errors = Problem.Group(errors.Select(error => new FieldError(error.Path, error.Code, "allowed"))),
        }, null)
        {
            ServerTime = ServerTime,
        };
}
