using System.Text;

namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>What stands between a home and its VPS and answers in its place.</summary>
internal static class ProxyAnswers
{
    private const string Problem = "application/problem+json";

    public static byte[] TooLarge { get; } =
        Http("413 Content Too Large", Problem, """{"title":"Too many samples","status":413,"code":"TOO_MANY_SAMPLES"}""");

    private static readonly byte[] Unavailable = Http(
        "503 Service Unavailable", Problem, """{"title":"Unavailable","status":503,"code":"DATABASE_UNAVAILABLE"}""", "Retry-After: 1");

    private static readonly byte[] RateLimited = Http(
        "429 Too Many Requests", Problem, """{"title":"Too many","status":429,"code":"RATE_LIMITED","limit":"requests"}""", "Retry-After: 1");

    private static readonly byte[] ForeignPage = Http(
        "200 OK", "text/html; charset=utf-8", "<!DOCTYPE html><html><title>Welcome</title><body>Please sign in to this network.</body></html>");

    private static readonly byte[] ForeignError = Http(
        "502 Bad Gateway", "text/html", "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>");

    public static byte[] Of(Fault fault) => fault switch
    {
        Fault.RateLimited => RateLimited,
        Fault.Unavailable => Unavailable,
        Fault.ForeignPage => ForeignPage,
        _ => ForeignError,
    };

    public static byte[] Invalid(IEnumerable<int> indices)
    {
        var errors = indices.Select(index => $$"""
            "samples[{{index}}].battery_temp_c":[{"code":"OUT_OF_RANGE","detail":"-40 .. 80"}]
            """);
        var body = $$"""{"title":"Invalid","status":422,"code":"INVALID_SAMPLES","errors":{ {{string.Join(',', errors)}} } }""";
        return Http("422 Unprocessable Content", Problem, body);
    }

    private static byte[] Http(string status, string type, string body, params string[] headers)
    {
        string[] lines = [$"HTTP/1.1 {status}", $"Content-Type: {type}", $"Content-Length: {Encoding.UTF8.GetByteCount(body)}", .. headers];
        return Encoding.UTF8.GetBytes($"{string.Join("\r\n", lines)}\r\n\r\n{body}");
    }
}
