using System.Net;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet;

internal enum PushOutcome
{
    Stored,

    /// <summary>The same rows in smaller batches.</summary>
    TooLarge,

    /// <summary>Later; nothing failed.</summary>
    RateLimited,

    /// <summary>Only a person can change that.</summary>
    TokenRefused,

    /// <summary>Everything else, an answer that is not the admin VPS's among it.</summary>
    Failed,
}

/// <param name="Counts">What became of the rows, where they were stored.</param>
/// <param name="What">For a person; null where they were stored.</param>
internal sealed record PushAnswer(PushOutcome Outcome, FleetAnswer? Counts, TimeSpan? RetryAfter, string? What);

/// <summary>How one resource goes; a row of <c>fleet_push_state</c>.</summary>
internal sealed record PushState(string Resource, int Failures, DateTimeOffset? NextTry, DateTimeOffset? SucceededAt, string? Error)
{
    public bool MayTry(DateTimeOffset now) => NextTry is null || NextTry <= now;
}

/// <summary>How large a batch may be. Halved when one was too large; doubled again after eight full ones that were taken.</summary>
internal readonly record struct BatchSize(int Rows, int Full)
{
    private const int FullToGrow = 8;

    public static readonly BatchSize Largest = new(ProtocolLimits.MaxSamples, 0);

    public BatchSize After(PushOutcome outcome, int sent) => outcome switch
    {
        PushOutcome.TooLarge => new(Math.Max(1, Math.Min(Rows, sent) / 2), 0),
        PushOutcome.Stored when Rows < Largest.Rows && sent >= Rows =>
            Full + 1 < FullToGrow ? this with { Full = Full + 1 } : new(Math.Min(Largest.Rows, Rows * 2), 0),
        _ => this,
    };
}

/// <summary>What an answer means, and when the next try is. Pure.</summary>
internal static class PushPolicy
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(30);
    private const int MostDoublings = 10;

    // What edges send comes first. As many rows wait for the database, or are being written, only when it has its hands full.
    private const long BusyRows = 100;
    private const int RestFor = 19;
    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(5);

    /// <param name="code">Of problem+json; null: it is not the admin VPS that answers.</param>
    /// <param name="counts">Of a 200 that can be read.</param>
    public static PushAnswer Judge(int status, string? code, FleetAnswer? counts, TimeSpan? retryAfter, int sent)
    {
        var what = $"{status} {code ?? "which is no answer of a sungrow-vps"}";
        return (HttpStatusCode)status switch
        {
            HttpStatusCode.OK when counts is { Accepted: >= 0, Duplicates: >= 0, Rejected: >= 0 }
                && (long)counts.Accepted + counts.Duplicates + counts.Rejected == sent => new(PushOutcome.Stored, counts, null, null),
            HttpStatusCode.Unauthorized when code == ErrorCodes.CustomerTokenInvalid => new(PushOutcome.TokenRefused, null, null, what),
            // A proxy's own limit is one too.
            HttpStatusCode.RequestEntityTooLarge when sent > 1 => new(PushOutcome.TooLarge, null, null, what),
            HttpStatusCode.TooManyRequests => new(PushOutcome.RateLimited, null, retryAfter, what),
            _ => new(PushOutcome.Failed, null, retryAfter, what),
        };
    }

    /// <param name="random">Uniform in 0 .. 1: the customers of one admin VPS must not come back in step.</param>
    public static PushState After(PushState before, PushAnswer answer, DateTimeOffset now, double random) => answer.Outcome switch
    {
        PushOutcome.Stored => before with { Failures = 0, NextTry = null, SucceededAt = now, Error = null },
        PushOutcome.TooLarge => before,
        PushOutcome.RateLimited => before with { NextTry = now + RateLimited(answer.RetryAfter), Error = answer.What },
        PushOutcome.TokenRefused => before with { Failures = before.Failures + 1, NextTry = now + LongestWait, Error = answer.What },
        _ => before with
        {
            Failures = before.Failures + 1,
            NextTry = now + Longer(Backoff(before.Failures, random), answer.RetryAfter),
            Error = answer.What,
        },
    };

    /// <summary>1 to 30 minutes: doubled with each failure, with half of it at random.</summary>
    /// <param name="failures">In a row, before this one.</param>
    public static TimeSpan Backoff(int failures, double random)
    {
        var ceiling = FirstWait * (1 << Math.Min(failures, MostDoublings));
        var wait = (ceiling < LongestWait ? ceiling : LongestWait) * ((1 + random) / 2);
        return wait > FirstWait ? wait : FirstWait;
    }

    /// <param name="rows">That this server's ingest has before it.</param>
    public static bool IsBusy(long rows) => rows >= BusyRows;

    /// <summary>After a batch beside a busy ingest: so that pushing takes a twentieth of the time. The outbox holds what waits.</summary>
    public static TimeSpan Rest(TimeSpan worked) => Shorter(worked * RestFor, LongestRest);

    // One that names no time, or none to come, waits as long as after a first failure.
    private static TimeSpan RateLimited(TimeSpan? asked) => asked > TimeSpan.Zero ? Shorter(asked.Value, LongestWait) : FirstWait;

    private static TimeSpan Longer(TimeSpan ours, TimeSpan? asked) => asked > ours ? Shorter(asked.Value, LongestWait) : ours;

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
