using System.Globalization;
using System.Text;
using System.Text.Json;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Golden;

/// <summary>One request of a released edge and what a released VPS answered, byte for byte; two files of one name.</summary>
/// <param name="State">How the VPS was set up: a key of <see cref="States"/>.</param>
internal sealed record Exchange(string Name, string State, byte[] Request, byte[] Answer)
{
    /// <summary>What a VPS needs in its environment to be in that state; in <see cref="Down"/> its database is gone as well.</summary>
    public static readonly IReadOnlyDictionary<string, IReadOnlyDictionary<string, string?>> States =
        new SortedDictionary<string, IReadOnlyDictionary<string, string?>>(StringComparer.Ordinal)
        {
            ["plain"] = new Dictionary<string, string?>(),
            ["small"] = new Dictionary<string, string?> { ["MAX_PAYLOAD_BYTES"] = "1500" },
            ["limited"] = new Dictionary<string, string?> { ["RATE_LIMIT_REQUESTS_PER_SECOND"] = "0.01", ["RATE_LIMIT_BURST_REQUESTS"] = "1" },
            [Down] = new Dictionary<string, string?>(),
        };

    public const string Down = "down";

    public string Path => Encoding.ASCII.GetString(Request, 0, Request.AsSpan().IndexOf((byte)'\r')).Split(' ')[1];

    public bool IsCompressed => Header(Request, "Content-Encoding") is not null;

    public int Status => StatusOf(Answer);

    /// <summary>The clock of the VPS as it answered.</summary>
    public DateTimeOffset Date => DateTimeOffset.Parse(Header(Answer, "Date")!, CultureInfo.InvariantCulture);

    /// <summary>All exchanges of a release, in the order in which they took place.</summary>
    public static List<Exchange> Of(string release) =>
    [
        .. Directory.EnumerateFiles(Folder(release), "*.request").Order(StringComparer.Ordinal).Select(file => new Exchange(
            System.IO.Path.GetFileNameWithoutExtension(file),
            System.IO.Path.GetFileName(file).Split('-')[1],
            File.ReadAllBytes(file),
            File.ReadAllBytes(System.IO.Path.ChangeExtension(file, ".answer")))),
    ];

    public static string Folder(string release) => System.IO.Path.Combine(Programs.Root, "tests/EndToEnd.Tests/Golden", release);

    public void Save(string folder)
    {
        File.WriteAllBytes(System.IO.Path.Combine(folder, Name + ".request"), Request);
        File.WriteAllBytes(System.IO.Path.Combine(folder, Name + ".answer"), Answer);
    }

    public static int StatusOf(byte[] answer) => int.Parse(Encoding.ASCII.GetString(answer, 9, 3), CultureInfo.InvariantCulture);

    public static string? Header(byte[] message, string name) => Encoding.ASCII
        .GetString(message, 0, End(message))
        .Split("\r\n")
        .Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))
        .Select(line => line[(name.Length + 1)..].Trim())
        .FirstOrDefault();

    public static JsonElement Body(byte[] answer)
    {
        var body = answer[(End(answer) + 4)..];
        using var json = JsonDocument.Parse(Header(answer, "Transfer-Encoding") == "chunked" ? Unchunked(body) : body);
        return json.RootElement.Clone();
    }

    private static byte[] Unchunked(ReadOnlySpan<byte> body)
    {
        List<byte> whole = [];
        while (true)
        {
            var line = body.IndexOf("\r\n"u8);
            var length = int.Parse(Encoding.ASCII.GetString(body[..line]), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (length == 0)
            {
                return [.. whole];
            }

            whole.AddRange(body.Slice(line + 2, length));
            body = body[(line + 2 + length + 2)..];
        }
    }

    private static int End(byte[] message) => message.AsSpan().IndexOf("\r\n\r\n"u8);
}
