using Sungrow.Edge.Buffer;
using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>From the server's refusal of one row to what the buffer does with it.</summary>
internal static class Judgement
{
    // A server whose own clock is wrong must not put rows off for years.
    private static readonly TimeSpan LongestHold = TimeSpan.FromHours(6);
    private static readonly TimeSpan ShortestHold = TimeSpan.FromMinutes(1);

    // Kept for the operator's list; the server's words are bounded like everything that comes from outside.
    private const int MaxDetail = 200;

    /// <summary>Refused for nothing but a time that the server has not reached yet.</summary>
    public static bool IsOfTime(Refusal why) => why.Code == ErrorCodes.TimestampInFuture;

    public static Verdict Of(BufferedSample row, Refusal why, DateTimeOffset now) =>
        IsOfTime(why)
            ? new Hold(why.Code, now + HeldFor(row.Ts, why.ServerTime ?? now))
            : new DeadLetter(why.Code, Bounded(why.Detail));

    /// <summary>Until the server's clock has come near enough, as far as it told its time.</summary>
    private static TimeSpan HeldFor(DateTimeOffset ts, DateTimeOffset serverTime)
    {
        var wait = ts - ProtocolLimits.MaxAhead - serverTime;
        return wait < ShortestHold ? ShortestHold : wait > LongestHold ? LongestHold : wait;
    }

    private static string Bounded(string detail)
    {
        var line = string.Concat(detail.Select(character => char.IsControl(character) ? ' ' : character));
        return line.Length <= MaxDetail ? line : line[..MaxDetail];
    }
}
