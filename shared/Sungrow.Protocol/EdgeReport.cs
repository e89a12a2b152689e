using System.Text.Json.Serialization;

namespace Sungrow.Protocol;

/// <summary>What the edge says of itself each minute, at start and at stop: <c>POST /v1/heartbeat</c>.
/// <c>committed = acknowledged + waiting + dead_lettered + evicted</c>, always.</summary>
public sealed record EdgeReport : IJsonOnDeserialized
{
    public required Guid BufferId { get; init; }

    /// <summary>The corrupt buffer this one was salvaged from, until acknowledged.</summary>
    public ReplacedBuffer? Replaces { get; init; }

    public required string BootId { get; init; }

    public required string Version { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    public required DateTimeOffset SentAt { get; init; }

    public required bool ClockTrusted { get; init; }

    public required double PollIntervalS { get; init; }

    public required int SamplesPerRow { get; init; }

    public required InverterReport Inverter { get; init; }

    /// <summary>Per device id the highest sequence number the cursor has passed.</summary>
    public required IReadOnlyDictionary<string, long> Cursors { get; init; }

    public required WaitingReport Waiting { get; init; }

    public required CounterReport Counters { get; init; }

    /// <summary>Sequence ranges that will never arrive, and why. At most <see cref="ProtocolLimits.MaxReportEntries"/>, oldest
    /// first.</summary>
    public required IReadOnlyList<MissingRange> Missing { get; init; }

    /// <summary>Times without samples, and why. At most <see cref="ProtocolLimits.MaxReportEntries"/>, oldest first.</summary>
    public required IReadOnlyList<GapReport> Gaps { get; init; }

    void IJsonOnDeserialized.OnDeserialized()
    {
        ProtocolJson.RefuseNull(Missing, "missing");
        ProtocolJson.RefuseNull(Gaps, "gaps");
    }
}

public sealed record ReplacedBuffer(Guid BufferId, long Salvaged, long Lost);

public sealed record InverterReport(string? Model, string? Serial, bool Reachable, DateTimeOffset? LastPoll);

/// <param name="Rows">Rows not yet acknowledged, held ones among them.</param>
/// <param name="Held">Rows set aside that the cursor has passed.</param>
public sealed record WaitingReport(long Rows, long Held, DateTimeOffset? Oldest, DateTimeOffset? Newest);

/// <summary>Counted since the buffer was made.</summary>
public sealed record CounterReport(long Committed, long Acknowledged, long DeadLettered, long Evicted);

/// <param name="Reason">See <see cref="MissingReasons"/>; an unknown word is kept and shown.</param>
public sealed record MissingRange(long FromSeq, long ToSeq, long Rows, DateTimeOffset? From, DateTimeOffset? To, string Reason);

/// <param name="To">Null while the gap is open; it is sent again until closed.</param>
/// <param name="Reason">See <see cref="GapReasons"/>; an unknown word is kept and shown.</param>
/// <param name="Missed">Polls that did not become samples.</param>
public sealed record GapReport(DateTimeOffset From, DateTimeOffset? To, string Reason, long Missed);

public static class MissingReasons
{
    public const string Evicted = "evicted";
    public const string DeadLettered = "dead_lettered";
    public const string Corrupt = "corrupt";
}

public static class GapReasons
{
    public const string EdgeOff = "edge_off";
    public const string InverterUnreachable = "inverter_unreachable";
    public const string BadRead = "bad_read";
    public const string Night = "night";
    public const string Clock = "clock";
    public const string BufferUnavailable = "buffer_unavailable";
    public const string Contention = "contention";
}

/// <summary>The answer 200 of <c>POST /v1/heartbeat</c>: every entry sent is acknowledged.</summary>
/// <param name="Resend">Rows the edge still keeps and should send again.</param>
/// <param name="RepeatSince">Entries acknowledged since then should be reported anew.</param>
public sealed record HeartbeatAnswer(DateTimeOffset ServerTime, IReadOnlyList<ResendRange> Resend, DateTimeOffset? RepeatSince)
    : IJsonOnDeserialized
{
    void IJsonOnDeserialized.OnDeserialized() => ProtocolJson.RefuseNull(Resend, "resend");
}

public sealed record ResendRange(Guid BufferId, long FromSeq, long ToSeq);
