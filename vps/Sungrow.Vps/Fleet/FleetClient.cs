using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Options;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet;

/// <summary>Posts batches to the admin VPS. Whatever happens on the way is an answer, to be judged by <see cref="PushPolicy"/>.</summary>
internal sealed class FleetClient(IOptions<FleetIngestOptions> options, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);
    private const int LongestAnswer = 64 * 1024;

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false, // The token goes where it was meant to go.
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    })
    {
        Timeout = Timeout,
        MaxResponseContentBufferSize = LongestAnswer,
    };

    /// <param name="rows">In it.</param>
    /// <param name="cursor">The highest number of the outbox in it; null for a set.</param>
    public async Task<PushAnswer> SendAsync<T>(
        string type, T batch, JsonTypeInfo<T> form, int rows, long? cursor, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, options.Value.Address) { Content = WireBody.Of(batch, form).Content() };
        request.Headers.TryAddWithoutValidation(BatchTypes.CustomerHeader, options.Value.Token);
        request.Headers.Add(BatchTypes.TypeHeader, type);
        if (cursor is { } highest)
        {
            request.Headers.Add(BatchTypes.CursorHeader, highest.ToString(CultureInfo.InvariantCulture));
        }

        try
        {
            using var answer = await _http.SendAsync(request, cancellationToken);
            var body = await answer.Content.ReadAsByteArrayAsync(cancellationToken);
            return PushPolicy.Judge((int)answer.StatusCode, Code(answer, body), Counts(answer, body), RetryAfter(answer), rows);
        }
        catch (Exception gone) when (gone is HttpRequestException or IOException
            || (gone is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return new(PushOutcome.Failed, null, null, gone is OperationCanceledException ? $"no answer within {Timeout.TotalSeconds} s" : OneLine(gone));
        }
    }

    public void Dispose() => _http.Dispose();

    private static string? Code(HttpResponseMessage answer, byte[] body) =>
        answer.Content.Headers.ContentType?.MediaType == Problem.ContentType
        && Read(body, ProtocolJson.Default.Problem) is { } problem && ErrorCodes.IsWellFormed(problem.Code) ? problem.Code : null;

    private static FleetAnswer? Counts(HttpResponseMessage answer, byte[] body) =>
        answer.IsSuccessStatusCode ? Read(body, FleetJson.Default.FleetAnswer) : null;

    private static T? Read<T>(byte[] body, JsonTypeInfo<T> form) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(body, form);
        }
        catch (JsonException)
        {
            return null; // Somebody else's page: judged as such.
        }
    }

    private TimeSpan? RetryAfter(HttpResponseMessage answer) => answer.Headers.RetryAfter switch
    {
        { Delta: { } seconds } => seconds,
        // By the server's own clock where it tells it: ours may be off.
        { Date: { } date } => date - (answer.Headers.Date ?? time.GetUtcNow()),
        _ => null,
    };

    private static string OneLine(Exception failure) => failure.Message.ReplaceLineEndings(" ");
}
