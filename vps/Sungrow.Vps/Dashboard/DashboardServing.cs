using Microsoft.Net.Http.Headers;
using Sungrow.Protocol;

namespace Sungrow.Vps.Dashboard;

/// <summary>Serves the app at <c>/</c>. No route: its files are open to everybody and answer no question, so they stand before routing, and
/// every path that is none of them goes on to the API.</summary>
internal static class DashboardServing
{
    /// <summary>Nothing inline and nothing of a third party, so that a value from the network can never become code.</summary>
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
        + "worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

    public static void UseDashboard(this WebApplication app)
    {
        var files = DashboardFiles.Load();
        app.Use((context, next) =>
        {
            var request = context.Request;
            if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method))
            {
                return next(context);
            }

            if (files.TryGetValue(request.Path.Value ?? "/", out var file))
            {
                return ServeAsync(context, file);
            }

            return files.Count == 0 && request.Path == "/"
                ? Problems.Of(StatusCodes.Status404NotFound, ErrorCodes.NotFound, "This server was built without its dashboard.")
                    .ExecuteAsync(context)
                : next(context);
        });
    }

    private static Task ServeAsync(HttpContext context, DashboardFile file)
    {
        var body = Choose(file, context.Request);
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = file.Immutable ? "public, max-age=31536000, immutable" : "no-cache";
        if (file.Bodies.Count > 1)
        {
            headers.Vary = HeaderNames.AcceptEncoding;
        }

        if (body.Encoding.Length > 0)
        {
            headers.ContentEncoding = body.Encoding;
        }

        // Knows If-None-Match and HEAD.
        return TypedResults.Bytes(body.Bytes, file.ContentType, entityTag: body.Tag).ExecuteAsync(context);
    }

    /// <summary>The smallest that the client takes; what is not encoded, everybody takes.</summary>
    private static DashboardBody Choose(DashboardFile file, HttpRequest request)
    {
        var accepted = request.GetTypedHeaders().AcceptEncoding;
        return file.Bodies.First(body =>
            body.Encoding.Length == 0
            || accepted.Any(offer => offer.Quality is not 0 && offer.Value.Equals(body.Encoding, StringComparison.OrdinalIgnoreCase)));
    }
}
