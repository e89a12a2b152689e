using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Sungrow.Vps.Realtime;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps;

/// <param name="Database"><c>up</c> or <c>down</c>.</param>
/// <param name="Redis"><c>up</c>, <c>degraded</c> or <c>off</c>: without it everything works, only slower.</param>
internal sealed record Readiness(string Status, string Database, string Redis);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(Readiness))]
internal sealed partial class HealthJson : JsonSerializerContext;

/// <summary>Whether the process lives, and whether it can do its work.</summary>
internal static partial class Health
{
    private static readonly TimeSpan AskTimeout = TimeSpan.FromSeconds(5);

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz", () => TypedResults.Text("ok")).WithTags("Health").WithSummary("The process lives");
        routes.MapGet("/readyz", GetReadinessAsync)
            .WithTags("Health")
            .WithSummary("The database answers; 503 when it does not")
            .Produces<Readiness>().Produces<Readiness>(StatusCodes.Status503ServiceUnavailable);
    }

    private static async Task<IResult> GetReadinessAsync(Database database, RealtimeCache realtime, CancellationToken cancellationToken)
    {
        var answers = await database.AnswersAsync(cancellationToken);
        return TypedResults.Json(
            new Readiness(answers ? "ready" : "unavailable", answers ? "up" : "down", realtime.State),
            HealthJson.Default.Readiness,
            statusCode: answers ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }

    /// <summary><c>sungrow-vps health</c>: asks the server on this machine, for container checks; an image need not hold curl.</summary>
    /// <returns>The exit code: 0 when it is ready.</returns>
    public static async Task<int> AskAsync(IConfiguration configuration, CancellationToken cancellationToken)
    {
        var readyz = OwnAddress(configuration);
        using var client = new HttpClient { Timeout = AskTimeout };
        try
        {
            using var answer = await client.GetAsync(readyz, cancellationToken);
            await Console.Out.WriteLineAsync(await answer.Content.ReadAsStringAsync(cancellationToken));
            return answer.IsSuccessStatusCode ? 0 : 1;
        }
        // Nobody answers, or not in time; or the address is none.
        catch (Exception unreachable)
            when (unreachable is HttpRequestException or OperationCanceledException or InvalidOperationException or NotSupportedException
                or UriFormatException)
        {
            await Console.Error.WriteLineAsync($"sungrow-vps: {readyz} does not answer: {unreachable.Message}");
            return 1;
        }
    }

    /// <summary>Where the server of the same settings listens; the names and the default are Kestrel's.</summary>
    private static string OwnAddress(IConfiguration configuration)
    {
        var listens = configuration["urls"]?.Split(';')[0]
            ?? (configuration["http_ports"]?.Split(';')[0] is { Length: > 0 } port ? $"http://*:{port}" : "http://localhost:5000");
        // All addresses of this machine, among them the one to ask.
        return Everywhere().Replace(listens, "://localhost").TrimEnd('/') + "/readyz";
    }

    [GeneratedRegex(@"://(?:\+|\*|0\.0\.0\.0|\[::\])", RegexOptions.None, 1000)]
    private static partial Regex Everywhere();
}
