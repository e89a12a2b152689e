using System.Globalization;
using Microsoft.AspNetCore.WebUtilities;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps;

/// <summary>An error answer: <c>application/problem+json</c> with a stable code.</summary>
/// <param name="retryAfter">Sent as <c>Retry-After</c>, in whole seconds.</param>
internal sealed class ProblemResult(Problem problem, TimeSpan? retryAfter = null) : IResult
{
    public int Status => problem.Status ?? StatusCodes.Status500InternalServerError;

    public string Code => problem.Code;

    public IReadOnlyDictionary<string, IReadOnlyList<FieldProblem>>? Errors => problem.Errors;

    /// <summary>For a person at a terminal.</summary>
    public string Sentence =>
        $"{problem.Code}, {problem.Detail}"
        + string.Concat(problem.Errors?.SelectMany(
            path => path.Value.Select(wrong => $" {path.Key}: {wrong.Code}, allowed is {wrong.Detail}.")) ?? []);

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Status;
        response.Headers.CacheControl = "no-store";
        if (retryAfter is { } wait)
        {
            response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        }

        return response.WriteAsJsonAsync(problem, ProtocolJson.Default.Problem, Problem.ContentType, httpContext.RequestAborted);
    }
}

/// <summary>Every refusal leaves through here, so that each is problem+json with a code and none echoes what a client sent.</summary>
internal static class Problems
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    public static ProblemResult Of(int status, string code, string detail) =>
        new(new Problem { Title = ReasonPhrases.GetReasonPhrase(status), Status = status, Code = code, Detail = detail });

    public static ProblemResult Invalid(string code, string detail, IReadOnlyCollection<FieldError> errors) =>
        new(new Problem
        {
            Title = ReasonPhrases.GetReasonPhrase(StatusCodes.Status422UnprocessableEntity),
            Status = StatusCodes.Status422UnprocessableEntity,
            Code = code,
            Detail = detail,
            Errors = Problem.Group(errors),
        });

    public static ProblemResult RateLimited(HttpContext context, RateRefusal refusal)
    {
        context.RequestServices.GetRequiredService<VpsMetrics>().RateLimited(refusal.Limit);
        return new(
            new Problem
            {
                Title = ReasonPhrases.GetReasonPhrase(StatusCodes.Status429TooManyRequests),
                Status = StatusCodes.Status429TooManyRequests,
                Code = ErrorCodes.RateLimited,
                Detail = refusal.Limit == RateLimits.FailedAuthentication
                    ? "Too many failed attempts from this address; a token that is good is let through."
                    : $"Too many {refusal.Limit} from this sender; nothing was stored. Send it again after Retry-After; whoami tells a device its limits.",
                Limit = refusal.Limit,
            },
            refusal.RetryAfter);
    }

    /// <returns>Null where nothing was refused.</returns>
    public static ProblemResult? TooOften(HttpContext context, RateRefusal? refusal) =>
        refusal is null ? null : RateLimited(context, refusal);

    public static ProblemResult DatabaseUnavailable() =>
        Later(ErrorCodes.DatabaseUnavailable, "The database is not available; nothing was stored. Send it again.");

    private static ProblemResult WriteQueueFull() =>
        Later(ErrorCodes.WriteQueueFull, "Too many samples wait for the database; nothing was stored. Send it again.");

    private static ProblemResult Later(string code, string detail) =>
        new(
            new Problem
            {
                Title = ReasonPhrases.GetReasonPhrase(StatusCodes.Status503ServiceUnavailable),
                Status = StatusCodes.Status503ServiceUnavailable,
                Code = code,
                Detail = detail,
            },
            RetryAfter);

    /// <summary>Turns what a route throws, and the bare statuses of routing, into problems.</summary>
    public static void UseProblems(this WebApplication app)
    {
        var log = app.Logger;
        app.Use(async (context, next) =>
        {
            try
            {
                await next(context);
                if (!context.Response.HasStarted && context.Response is { StatusCode: >= 400, ContentType: null })
                {
                    await OfStatus(context.Response.StatusCode).ExecuteAsync(context);
                }
            }
            catch (Exception failure) when (!context.Response.HasStarted)
            {
                if (context.RequestAborted.IsCancellationRequested)
                {
                    return; // The client has gone: there is nobody to answer.
                }

                // Headers that the failed attempt set say nothing about the problem.
                context.Response.Clear();
                await OfFailure(failure, log, context).ExecuteAsync(context);
            }
        });
    }

    private static ProblemResult OfStatus(int status) => status switch
    {
        StatusCodes.Status404NotFound => Of(status, ErrorCodes.NotFound, "There is no such route."),
        StatusCodes.Status405MethodNotAllowed => Of(
            status, ErrorCodes.MethodNotAllowed, "The route exists, but not with this method; see Allow."),
        >= 500 => Of(status, ErrorCodes.InternalError, "The server failed."),
        _ => Of(status, ErrorCodes.MalformedBody, "The request cannot be read."),
    };

    private static ProblemResult OfFailure(Exception failure, ILogger log, HttpContext context)
    {
        if (DatabaseErrors.IsUnavailable(failure))
        {
            context.RequestServices.GetRequiredService<Database>().WarnUnavailable(failure);
            return DatabaseUnavailable();
        }

        if (failure is WriteQueueFullException)
        {
            return WriteQueueFull(); // The queue itself says so in the log.
        }

        if (failure is BadHttpRequestException refused)
        {
            return refused.StatusCode switch
            {
                StatusCodes.Status413PayloadTooLarge =>
                    Of(refused.StatusCode, ErrorCodes.PayloadTooLarge, $"The body is over {ProtocolLimits.MaxPayloadBytes} bytes."),
                StatusCodes.Status408RequestTimeout =>
                    Of(refused.StatusCode, ErrorCodes.RequestTimeout, "The body arrived too slowly."),
                _ => Of(StatusCodes.Status400BadRequest, ErrorCodes.MalformedBody, "The request cannot be read."),
            };
        }

        log.Unhandled(failure, context.Request.Method, (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "a request");
        return Of(StatusCodes.Status500InternalServerError, ErrorCodes.InternalError, "The server failed; its log says why.");
    }
}
