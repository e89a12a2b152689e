using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Sungrow.Protocol.Tests;

/// <summary>The wire, byte for byte: installed edges and servers speak it. A golden file may gain an optional member; any other change
/// is a break.</summary>
public class GoldenTests
{
    private static readonly Guid Buffer = new("0190b0c0-0000-7000-8000-00000000beef");
    private static readonly Guid OldBuffer = new("0190b0c0-0000-7000-8000-00000000dead");

    private static readonly SungrowSample Full = new()
    {
        DeviceId = "A2340512345",
        Ts = At("15:59:00.123456"),
        PvPowerW = 4321,
        PvDailyKwh = 12.3,
        BatteryPowerW = -1500.5,
        BatterySocPct = 87.1,
        BatteryTempC = -5.5,
        LoadPowerW = 650,
        ExportPowerW = -0.1,
        SampleCount = 3,
        IntervalS = 30,
        Seq = 9_223_372_036_854_775_807,
    };

    private static readonly SungrowSample Sparse = new() { DeviceId = "A2340512345", Ts = At("15:59:30"), LoadPowerW = 0 };

    [Fact]
    public void A_batch_has_its_buffer_first_then_samples_with_members_in_the_documented_order() =>
        GoldenBatch("ingest-batch", new(Buffer, [Full, Sparse]));

    [Fact]
    public void A_batch_without_a_buffer_has_no_such_member() => GoldenBatch("ingest-batch-without-buffer-id", new(null, [Full]));

    [Fact]
    public void An_ingest_answer() => Golden("ingest-answer", new IngestAnswer(497, 2, 1), ProtocolJson.Default.IngestAnswer);

    [Fact]
    public void A_problem_with_every_error_of_every_sample() => Golden(
        "problem-invalid-samples",
        new Problem
        {
            Title = "Some samples are invalid; nothing was stored.",
            Status = 422,
            Code = ErrorCodes.InvalidSamples,
            Errors = Problem.Group(Wire.ReadSamples(
                "{}",
                Wire.Sample(),
                Wire.SampleWith("battery_soc_pct", "101,\"battery_soc_pct\":0"),
                Wire.SampleWith("ts", "\"today\"")).Errors),
        },
        ProtocolJson.Default.Problem);

    [Fact]
    public void A_problem_that_names_its_limit() => Golden(
        "problem-rate-limited",
        new Problem
        {
            Title = "Too many requests.",
            Status = 429,
            Code = ErrorCodes.RateLimited,
            Detail = "At most 20 requests a second.",
            Limit = "requests",
        },
        ProtocolJson.Default.Problem);

    [Fact]
    public void A_full_report() => Golden(
        "edge-report",
        new EdgeReport
        {
            BufferId = Buffer,
            Replaces = new(OldBuffer, Salvaged: 41_000, Lost: 12),
            BootId = "6f1c1c1e-90c4-4a55-9a2b-2f6f0a0b7c11",
            Version = "0.1.0",
            StartedAt = At("06:00:00"),
            SentAt = At("16:00:00.5"),
            ClockTrusted = true,
            PollIntervalS = 10,
            SamplesPerRow = 1,
            Inverter = new("SH10RT", "A2340512345", Reachable: true, At("15:59:50")),
            Cursors = new Dictionary<string, long>(StringComparer.Ordinal) { ["A2340512345"] = 50_000, ["A2340599999"] = 7 },
            Waiting = new(Rows: 3, Held: 1, At("15:59:30"), At("15:59:50")),
            Counters = new(Committed: 50_120, Acknowledged: 50_000, DeadLettered: 7, Evicted: 110),
            Missing =
            [
                new(FromSeq: 100, ToSeq: 209, Rows: 110, At("07:00:00"), At("07:20:00"), MissingReasons.Evicted),
                new(FromSeq: 300, ToSeq: 306, Rows: 7, From: null, To: null, MissingReasons.DeadLettered),
            ],
            Gaps =
            [
                new(At("08:00:00"), At("08:10:00"), GapReasons.InverterUnreachable, Missed: 60),
                new(At("15:00:00"), To: null, "a_word_of_tomorrow", Missed: 0),
            ],
        },
        ProtocolJson.Default.EdgeReport);

    [Fact]
    public void A_minimal_report() => Golden("edge-report-minimal", Reports.Minimal, ProtocolJson.Default.EdgeReport);

    [Fact]
    public void A_heartbeat_answer() => Golden(
        "heartbeat-answer",
        new HeartbeatAnswer(At("16:00:01.25"), [new(Buffer, 10, 20), new(OldBuffer, 1, 1)], At("00:00:00")),
        ProtocolJson.Default.HeartbeatAnswer);

    [Fact]
    public void A_heartbeat_answer_that_asks_for_nothing() =>
        Golden("heartbeat-answer-minimal", new HeartbeatAnswer(At("16:00:01"), [], null), ProtocolJson.Default.HeartbeatAnswer);

    [Fact]
    public void Who_am_I() => Golden(
        "who-am-i",
        new WhoAmI("A2340512345", "default", "default", "Europe/Berlin", At("16:00:00"), new(5_000, 4_194_304, 20_000, 100_000, 20, 0.5)),
        ProtocolJson.Default.WhoAmI);

    private static void Golden<T>(string name, T value, JsonTypeInfo<T> type)
    {
        var golden = Repository.Golden($"{name}.json");

        Assert.Equal(golden, JsonSerializer.Serialize(value, type));
        Assert.Equivalent(value, JsonSerializer.Deserialize(golden, type), strict: true);
    }

    private static void GoldenBatch(string name, IngestBatch batch)
    {
        var golden = Repository.Golden($"{name}.json");

        Assert.Equal(golden, JsonSerializer.Serialize(batch, ProtocolJson.Default.IngestBatch));
        var read = IngestBatchReader.Read(Encoding.UTF8.GetBytes(golden), Wire.Window);
        Assert.Empty(read.Named());
        Assert.Equal(batch.BufferId, read.BufferId);
        Assert.Equal(batch.Samples, read.Samples);
    }

    private static DateTimeOffset At(string time) =>
        DateTimeOffset.Parse($"2026-09-08T{time}Z", System.Globalization.CultureInfo.InvariantCulture);
}
