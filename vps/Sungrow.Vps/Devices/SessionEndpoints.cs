using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <param name="Token">A viewer's.</param>
internal sealed record SessionRequest(string Token);

/// <param name="Devices">That the viewer sees.</param>
/// <param name="Fleet">Whether he also sees what other VPSs push to this one; left out where not.</param>
internal sealed record SessionAnswer(
    IReadOnlyList<string> Devices, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Fleet);

/// <summary><c>/v1/session</c>: a browser trades a viewer token for a cookie that no script can read and no other site can make it
/// send. JSON alone: a form of another site cannot send that either.</summary>
internal static class SessionEndpoints
{
    public const string Cookie = "sungrow_session";

    private const int MaxBytes = 4_096;

    public static void MapSession(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/session", PostAsync)
            .AllowAnonymous() // The token is in the body.
            .WithTags("Session")
            .WithSummary("Trades a viewer token for a session cookie of 30 days")
            .Reads<SessionRequest>()
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblems(400, 401, 413, 415, 429, 503);
        routes.MapGet("/v1/session", Get)
            .RequireViewer()
            .WithTags("Session")
            .WithSummary("Whether the session or token is good, and which devices it sees")
            .Produces<SessionAnswer>();
        routes.MapDelete("/v1/session", DeleteAsync)
            .WithTags("Session")
            .WithSummary("Ends the session of the cookie")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesProblems(503);
    }

    /// <summary>The cookie's value; null without one.</summary>
    public static string? IdOf(HttpRequest request) => request.Cookies[Cookie] is { Length: > 0 } id ? id : null;

    /// <summary>A cookie that is good for nothing must not come again with each request.</summary>
    public static void Forget(HttpResponse response) => response.Cookies.Delete(Cookie, Options(life: null));

    private static async Task<IResult> PostAsync(
        HttpContext context, ViewerAuth viewers, ViewerSessions sessions, Invalidations invalidations, CancellationToken cancellationToken)
    {
        using var body = await RequestBody.ReadJsonAsync(context.Request, MaxBytes, cancellationToken);
        if (body.Refusal is not null)
        {
            return body.Refusal;
        }

        if (Read(body.Utf8) is not { } token)
        {
            return Problems.Of(StatusCodes.Status400BadRequest, ErrorCodes.MalformedBody, "The body must be {\"token\":\"..\"}.");
        }

        var (viewer, refusal) = await viewers.FindAsync(token, context.Connection.RemoteIpAddress, cancellationToken);
        if (viewer is null)
        {
            return Authentication.Refuse(context, refusal);
        }

        var id = await sessions.BeginAsync(Tokens.Digest(token), cancellationToken);
        await invalidations.TellOfViewersAsync(cancellationToken); // It may have ended the oldest of this token.
        context.Response.Cookies.Append(Cookie, id, Options(ViewerSessions.Life));
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.NoContent();
    }

    private static JsonHttpResult<SessionAnswer> Get(HttpContext context, IOptions<ApplicationOptions> application)
    {
        var viewer = context.Viewer();
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(
            new SessionAnswer(
                [.. viewer.Devices.Order(StringComparer.Ordinal)], viewer.Fleet && application.Value.RunMode == RunMode.Admin),
            SessionJson.Default.SessionAnswer);
    }

    private static async Task<NoContent> DeleteAsync(
        HttpContext context, ViewerSessions sessions, Invalidations invalidations, CancellationToken cancellationToken)
    {
        if (IdOf(context.Request) is { } id)
        {
            await sessions.EndAsync(Tokens.Digest(id), cancellationToken);
            await invalidations.TellOfViewersAsync(CancellationToken.None); // The session has ended, whoever still waits.
        }

        Forget(context.Response);
        return TypedResults.NoContent();
    }

    private static string? Read(ReadOnlySpan<byte> utf8)
    {
        try
        {
            return JsonSerializer.Deserialize(utf8, SessionJson.Default.SessionRequest)?.Token is { Length: > 0 } token ? token : null;
        }
        catch (JsonException)
        {
            return null; // Answered as 400.
        }
    }

    private static CookieOptions Options(TimeSpan? life) => new()
    {
        HttpOnly = true,
        Secure = true, // Browsers take it from http://localhost all the same.
        SameSite = SameSiteMode.Strict,
        Path = "/",
        MaxAge = life,
        IsEssential = true,
    };
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SessionRequest))]
[JsonSerializable(typeof(SessionAnswer))]
internal sealed partial class SessionJson : JsonSerializerContext;
