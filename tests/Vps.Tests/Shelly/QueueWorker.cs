using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Sungrow.Vps.Tests.Shelly;

/// <summary>A queue worker, and what it brings.</summary>
internal static class QueueWorker
{
    public const string Key = "key-of-the-queue";
    public const string Setting = $"--INGEST_API_KEY={Key}";

    /// <summary>Yesterday, at the start of a minute.</summary>
    public static readonly long Start = Series.Start.ToUnixTimeSeconds() / 60 * 60;

    public static async Task<Answer> ShellyAsync(this VpsServer server, HttpContent content, string? key = Key)
    {
        using HttpClient http = new() { BaseAddress = server.Address };
        using HttpRequestMessage request = new(HttpMethod.Post, "/api/ingest/batch") { Content = content };
        if (key is not null)
        {
            request.Headers.TryAddWithoutValidation("X-Api-Key", key);
        }

        using var answer = await http.SendAsync(request);
        return new(answer.StatusCode, await answer.Content.ReadAsStringAsync(), answer.Content.Headers.ContentType?.MediaType, answer.Headers);
    }

    public static Task<Answer> ShellyAsync(this VpsServer server, params string[] messages) =>
        server.ShellyAsync(Batch(messages));

    /// <summary>Inserted, duplicates, errors, messages, devices.</summary>
    public static async Task<string> CountsAsync(this Task<Answer> asked)
    {
        var answer = await asked;
        Assert.True(answer.Status == HttpStatusCode.OK, $"{answer.Status}: {answer.Body}");
        Assert.InRange(answer.Json.GetProperty("processing_time").GetDouble(), 0, 600);
        return string.Join(
            ' ',
            new[] { "inserted", "duplicates", "errors", "total_messages", "devices" }.Select(name => answer.Json.GetProperty(name).GetInt32()));
    }

    public static StringContent Batch(params IEnumerable<string> messages) => Json($$"""{"messages":[{{string.Join(',', messages)}}]}""");

    public static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    /// <param name="values">Of <c>switch:0</c>.</param>
    public static string Message(string src = "shellyplus1pm-a8032abe54dc", double at = 0, string values = "\"apower\":60.5") =>
        Of(src, at, $$"""{"switch:0":{{{values}}} }""");

    /// <summary>All four channels; each has its number in its power.</summary>
    public static string FourChannels(string src, double at = 0) =>
        Of(src, at, $$"""{{{string.Join(',', Enumerable.Range(0, 4).Select(i => $$"""
            "switch:{{i}}":{"apower":{{i}}.5,"voltage":230.1,"current":0.2}
            """))}}}""");

    public static string Of(string src, double at, string parameters) => string.Create(
        CultureInfo.InvariantCulture, $$"""{"src":{{JsonSerializer.Serialize(src)}},"timestamp":{{Start + (decimal)at}},"params":{{parameters}}}""");
}
