using Microsoft.AspNetCore.Http;
using Sungrow.Protocol;

namespace Sungrow.Edge.Tests.Uplink;

/// <summary>What a server, or what stands between, may answer.</summary>
internal static class Answers
{
    public static Task CountsAsync(HttpContext context, IngestAnswer counts) =>
        context.Response.WriteAsync(
            $$"""{"inserted":{{counts.Inserted}},"duplicates":{{counts.Duplicates}},"conflicts":{{counts.Conflicts}}}""",
            context.RequestAborted);

    public static Func<HttpContext, Request, Task> Counts(int inserted, int duplicates = 0, int conflicts = 0) =>
        (context, _) => CountsAsync(context, new(inserted, duplicates, conflicts));

    public static Func<HttpContext, Request, Task> Problem(int status, string code, string? retryAfter = null) => (context, _) =>
    {
        context.Response.Headers.RetryAfter = retryAfter;
        return WriteAsync(context, status, Sungrow.Protocol.Problem.ContentType, ProblemBody(status, code));
    };

    /// <summary>Our 422, which names each bad sample.</summary>
    public static Task Invalid(HttpContext context, IEnumerable<(int Index, string Code)> bad)
    {
        var errors = bad.Select(row => $$"""
            "samples[{{row.Index}}].ts":[{"code":"{{row.Code}}","detail":"what is allowed"}]
            """);
        return WriteAsync(
            context, 422, Sungrow.Protocol.Problem.ContentType,
            $$$"""{"title":"No.","status":422,"code":"INVALID_SAMPLES","errors":{{{{string.Join(',', errors)}}}}}""");
    }

    public static Func<HttpContext, Request, Task> Me(int maxSamples = 5_000, int maxPayloadBytes = 4_194_304) =>
        Plain(200, "application/json", $$$"""
            {"device_id":"SN1","tenant":"t","site":"s","time_zone":"UTC","server_time":"2026-09-08T12:00:00Z",
            "limits":{"max_samples":{{{maxSamples}}},"max_payload_bytes":{{{maxPayloadBytes}}},
            "samples_per_second":0,"burst_samples":0,"requests_per_second":0,"burst_requests":0}}
            """);

    public static string ProblemBody(int status, string code) => $$"""{"title":"No.","status":{{status}},"code":"{{code}}"}""";

    public static Func<HttpContext, Request, Task> Plain(int status, string contentType, string body) =>
        (context, _) => WriteAsync(context, status, contentType, body);

    public static Func<HttpContext, Request, Task> Redirect(int status, Uri to) => (context, _) =>
    {
        context.Response.Headers.Location = to.ToString();
        context.Response.StatusCode = status;
        return Task.CompletedTask;
    };

    /// <summary>The connection ends without a word.</summary>
    public static Task Reset(HttpContext context, Request request)
    {
        context.Abort();
        return Task.CompletedTask;
    }

    /// <summary>The connection ends within the answer.</summary>
    public static async Task ResetWithin(HttpContext context, Request request)
    {
        await TrickleHalfAsync(context);
        context.Abort();
    }

    /// <summary>Nothing comes until the client gives up.</summary>
    public static Task Silence(HttpContext context, Request request) => UntilAbortedAsync(context);

    /// <summary>The answer begins, and does not go on until the client gives up.</summary>
    public static async Task Trickle(HttpContext context, Request request)
    {
        await TrickleHalfAsync(context);
        await UntilAbortedAsync(context);
    }

    /// <summary>An answer without an end.</summary>
    public static async Task Endless(HttpContext context, Request request)
    {
        var page = new byte[64 * 1024];
        while (!context.RequestAborted.IsCancellationRequested)
        {
            await context.Response.Body.WriteAsync(page, context.RequestAborted);
        }
    }

    private static async Task TrickleHalfAsync(HttpContext context)
    {
        context.Response.ContentLength = 1_000;
        await context.Response.WriteAsync("""{"inserted":""", context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    private static async Task UntilAbortedAsync(HttpContext context)
    {
        var aborted = new TaskCompletionSource();
        await using var registration = context.RequestAborted.Register(aborted.SetResult);
        await aborted.Task;
    }

    private static Task WriteAsync(HttpContext context, int status, string contentType, string body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        return status == StatusCodes.Status204NoContent ? Task.CompletedTask : context.Response.WriteAsync(body, context.RequestAborted);
    }
}
