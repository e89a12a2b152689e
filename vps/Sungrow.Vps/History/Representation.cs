using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace Sungrow.Vps.History;

/// <summary>One answer of this room: JSON or CSV, and with an ETag, so that a page that looks again is told that nothing has
/// changed.</summary>
internal static class Representation
{
    public const string Json = "application/json";
    public const string Csv = "text/csv";

    private const int TagBytes = 16;

    /// <summary>Whether the client would rather have CSV.</summary>
    public static bool WantsCsv(HttpRequest request) =>
        request.GetTypedHeaders().Accept
            .Where(accepted => accepted.Quality is not 0)
            .OrderByDescending(accepted => accepted.Quality ?? 1)
            .Select(accepted => accepted.MediaType)
            .FirstOrDefault(type => type.Equals(Csv, StringComparison.OrdinalIgnoreCase)
                || type.Equals(Json, StringComparison.OrdinalIgnoreCase) || type.Equals("*/*", StringComparison.Ordinal))
            .Equals(Csv, StringComparison.OrdinalIgnoreCase);

    /// <summary>The body with its tag, or 304 where the client has it.</summary>
    public static IResult Of(HttpContext context, byte[] body, string contentType)
    {
        SetHeaders(context.Response);
        EntityTagHeaderValue tag = new($"\"{Base64Url.EncodeToString(SHA256.HashData(body).AsSpan(0, TagBytes))}\"");
        context.Response.GetTypedHeaders().ETag = tag;
        var known = context.Request.GetTypedHeaders().IfNoneMatch;
        return known.Any(each => each.Compare(tag, useStrongComparison: false) || each.Tag == "*")
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Bytes(body, contentType);
    }

    /// <summary>Kept by the browser alone, and asked for again each time.</summary>
    public static void SetHeaders(HttpResponse response)
    {
        response.Headers.CacheControl = "private, no-cache";
        response.Headers.Vary = "Accept, Authorization, Cookie";
    }
}
