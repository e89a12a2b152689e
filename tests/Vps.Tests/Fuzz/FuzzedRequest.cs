using System.IO.Compression;
using System.Text;
using Sungrow.Protocol;

namespace Sungrow.Vps.Tests.Fuzz;

/// <summary>A request of no particular sender, made from one number: a valid one of a route, with some of it spoiled.</summary>
/// <param name="Bytes">As they travel.</param>
/// <param name="IsHalfClosed">It may promise more than it has, so its end is said. To the web server that is a client who has gone: it need
/// not answer him.</param>
internal sealed record FuzzedRequest(byte[] Bytes, bool IsHalfClosed)
{
    /// <summary>A token that is good; no answer may hold it.</summary>
    public const string Token = "zqxjv-good-token";

    private static readonly byte[][] Splices =
    [
        .. new[]
        {
            "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "1e999", "-1e-400", "123456789012345678901234567890", "0.1e+99", "-", "NaN",
            "//", "\\ud800", "\\u0000", "\"\\udfff\":", "\"samples\":", "\"buffer_id\":", "\"device_id\":\"a\",", "\"ts\":", "\"seq\":-1,",
            "\"site_id\":\"x\",", "\"metrics\":{},", "\"cursors\":{\"a\":1},", "\"0001-01-01T00:00:00Z\"", "\"9999-12-31T23:59:60+23:59\"",
            "\"src\":\"b\",", "\"timestamp\":1,", "\"switch:1\":{\"apower\":1e999},", "\"apower\":\"\\u0000\",",
            "infinity", "-infinity", "epoch", new string('[', 500), string.Concat(Enumerable.Repeat("{\"a\":", 500)), new string('9', 2_000),
        }.Select(Encoding.UTF8.GetBytes),
        [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xEF, 0xBB, 0xBF], [0], [0xFE, 0xFF, 0, 0x7B],
    ];

    // Some 16 MB of zeros and of spaces: four times what is allowed.
    private static readonly byte[][] Bombs =
    [
        Gzip(new byte[16 * 1024 * 1024]), Gzip(Encoding.UTF8.GetBytes(new string(' ', 16 * 1024 * 1024))),
    ];

    private static readonly string[] Names = ["nobody", "%00", "%ff%fe", "a%2Fb", "a%20b", "..", "%2e%2e", new string('n', 300)];

    private static readonly string[] BrokenEnds = ["", "ffffffffffffffff\r\n", "-1\r\n", "zz\r\n", "0\r\nX: y", "5\r\nab"];

    private static readonly string[] Authorizations =
    [
        "Bearer wrong", "Bearer", "Bearer  ", "bearer " + Token, "Basic YTpi", "Bearer " + Token + "\r\nAuthorization: Bearer " + Token,
        "Bearer \u00e9\u00ff", "Bearer sg_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_85874e58", "Bearer " + new string('x', 6_000),
    ];

    private static readonly string[] Types =
    [
        "text/plain", "application/json; charset=utf-16", "application/json; charset=nonsense", "application/xml", "", ";", "*/*",
        "application/json, application/json", "application/vnd.api+json", "multipart/form-data; boundary=x",
    ];

    private static readonly string[] Extras =
    [
        "Expect: 100-continue", "X-Forwarded-For: 1.2.3.4, nonsense", "X-Forwarded-For: ", "Accept: \u0001", "Range: bytes=0-1",
        "Cookie: a=\"b",
        "Content-Encoding: br", "Content-Encoding: gzip, gzip", "If-None-Match: *", "Upgrade: websocket", "Host: other", "X-H\u00e9ader: 1",
        "no colon at all", ": no name", " folded: 1", "Traceparent: 00-zz-zz-zz", "Content-Length: 5", "Transfer-Encoding: gzip",
        "Connection: upgrade",
        "X-Long: " + new string('h', 40_000),
    ];

    /// <param name="routes">Templates of POST routes, <c>/v1/tenants/{tenant}/..</c>.</param>
    public static FuzzedRequest Make(int seed, IReadOnlyList<string> routes)
    {
        var random = new Random(seed);
        var route = routes[random.Next(routes.Count)];
        var body = Spoil(random, Encoding.UTF8.GetBytes(Valid(random, route)));
        var headers = new StringBuilder($"POST {Address(random, route)} HTTP/1.1\r\nHost: vps\r\nConnection: close\r\n");
        headers.Append($"Authorization: {(random.Next(8) == 0 ? One(random, Authorizations) : "Bearer " + Token)}\r\n");
        headers.Append(random.Next(8) == 0 ? "" : $"X-Api-Key: {Token}{(random.Next(8) == 0 ? "\r\nX-Api-Key: \u00e9" : "")}\r\n");
        headers.Append($"Content-Type: {(random.Next(10) == 0 ? One(random, Types) : "application/json")}\r\n");
        if (random.Next(4) == 0)
        {
            headers.Append("Content-Encoding: gzip\r\n");
            body = random.Next(12) switch
            {
                0 => One(random, Bombs),
                1 => body, // Not packed at all.
                2 => [.. Gzip(body), .. Gzip(body)],
                < 7 => Spoil(random, Gzip(body)),
                _ => Gzip(body),
            };
        }

        var lies = false;
        for (var extras = random.Next(6) == 0 ? random.Next(1, 4) : 0; extras > 0; extras--)
        {
            headers.Append(One(random, Extras)).Append("\r\n");
        }

        if (random.Next(5) == 0)
        {
            headers.Append("Transfer-Encoding: chunked\r\n");
            body = Chunked(random, body, ref lies);
        }
        else
        {
            var length = random.Next(15) switch
            {
                0 => body.Length + random.Next(1, 1_000),
                1 => random.Next(body.Length + 1),
                2 => random.NextInt64(),
                _ => body.Length,
            };
            lies |= length > body.Length;
            headers.Append($"Content-Length: {length}\r\n");
        }

        return new([.. Encoding.Latin1.GetBytes(headers.Append("\r\n").ToString()), .. body], lies);
    }

    private static string Address(Random random, string route) => route
        .Replace("{tenant}", random.Next(6) == 0 ? One(random, Names) : "default", StringComparison.Ordinal)
        .Replace("{device}", random.Next(6) == 0 ? One(random, Names) : "inverter-1", StringComparison.Ordinal);

    private static string Valid(Random random, string route)
    {
        var ts = Rfc3339.Write(Series.Start.AddSeconds(random.Next(86_000)));
        return route switch
        {
            "/v1/ingest" => $$"""
                {"buffer_id":"0190b0c0-0000-7000-8000-00000000beef",
                 "samples":[{{string.Join(',', Enumerable.Range(0, random.Next(1, 5)).Select(i => Sample(random, $"{ts[..^2]}{i}Z")))}}]}
                """,
            "/v1/heartbeat" => $$"""
                {"buffer_id":"0190b0c0-0000-7000-8000-00000000beef","replaces":null,"boot_id":"b","version":"1",
                 "started_at":"{{ts}}","sent_at":"{{ts}}","clock_trusted":true,"poll_interval_s":10,"samples_per_row":1,
                 "inverter":{"model":null,"serial":"A1","reachable":true,"last_poll":null},
                 "cursors":{"inverter-1":5},"waiting":{"rows":0,"held":0,"oldest":null,"newest":null},
                 "counters":{"committed":5,"acknowledged":5,"dead_lettered":0,"evicted":0},
                 "missing":[{"from_seq":1,"to_seq":2,"rows":2,"from":null,"to":null,"reason":"evicted"}],
                 "gaps":[{"from":"{{ts}}","to":null,"reason":"night","missed":0}]}
                """,
            "/api/ingest/batch" => $$"""
                {"messages":[{{string.Join(',', Enumerable.Range(0, random.Next(1, 5)).Select(i => Message(random, i)))}}]}
                """,
            _ => $$$"""
                {"site_id":"default","ts":"{{{ts}}}","device_id":"inverter-1",
                 "metrics":{"power_w":{{{random.Next(100)}}},"on":true,"list":[1,{"a":"b"}]}}
                """,
        };
    }

    private static string Sample(Random random, string ts) =>
        $$"""
        {"device_id":"inverter-{{(random.Next(12) == 0 ? 2 : 1)}}","ts":"{{ts}}","pv_power_w":{{random.Next(10)}},"battery_soc_pct":50.5,"interval_s":10,"seq":{{random.Next(1, 99)}}}
        """;

    private static string Message(Random random, int number) =>
        $$$"""
        {"src":"plug-{{{random.Next(20)}}}","timestamp":{{{Series.Start.ToUnixTimeSeconds() + (60 * number)}}},"params":{"ts":1631186545.04,
         "switch:0":{"id":0,"apower":{{{random.Next(100)}}}.5,"voltage":230.1,"current":null},"switch:3":{"apower":1,"aenergy":{"by_minute":[0,1]} } } }
        """;

    private static byte[] Spoil(Random random, byte[] valid)
    {
        var bytes = new List<byte>(valid);
        for (var changes = random.Next(5); changes > 0 && bytes.Count > 0; changes--)
        {
            var at = random.Next(bytes.Count);
            var length = random.Next(Math.Min(40, bytes.Count - at));
            switch (random.Next(6))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes.RemoveRange(at, length); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count - length), length)); break;
                case 4: bytes.RemoveRange(at, bytes.Count - at); break;
                default: bytes.InsertRange(at, One(random, Splices)); break;
            }
        }

        return [.. bytes];
    }

    private static byte[] Chunked(Random random, byte[] body, ref bool lies)
    {
        List<byte> chunks = [];
        for (var at = 0; at < body.Length;)
        {
            var length = Math.Min(body.Length - at, random.Next(1, body.Length + 1));
            chunks.AddRange(Encoding.ASCII.GetBytes($"{length:x}\r\n"));
            chunks.AddRange(body.AsSpan(at, length));
            chunks.AddRange("\r\n"u8);
            at += length;
        }

        var isBroken = random.Next(4) == 0;
        lies |= isBroken;
        chunks.AddRange(Encoding.ASCII.GetBytes(isBroken ? One(random, BrokenEnds) : "0\r\n\r\n"));
        return [.. chunks];
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    private static T One<T>(Random random, params IReadOnlyList<T> of) => of[random.Next(of.Count)];
}
