using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Vps.Tests.Ingest;

public sealed class BodyTests(AnswerServer server) : IClassFixture<AnswerServer>, IAsyncLifetime
{
    private const int TrailerBytes = 8;

    private const string Head =
        "POST /v1/ingest HTTP/1.1\r\nHost: vps\r\nConnection: close\r\n"
        + "Authorization: Bearer device-1\r\nContent-Type: application/json\r\n";

    private VpsServer Vps { get; set; } = null!;

    public async ValueTask InitializeAsync() => Vps = await server.StartedAsync();

    public ValueTask DisposeAsync() => default;

    internal static byte[] Gzip(string text) => Gzip(Encoding.UTF8.GetBytes(text));

    [Fact]
    public async Task A_packed_body_is_stored_like_a_plain_one()
    {
        var samples = Series.Samples(500, Series.Start.AddDays(-10));
        var packed = Gzip(JsonSerializer.Serialize(new IngestBatch(null, samples), ProtocolJson.Default.IngestBatch));

        Assert.Equal(new(500, 0, 0), (await PostAsync(packed)).Counts());
        Assert.Equal(new(0, 500, 0), (await Vps.IngestAsync(samples)).Counts());
    }

    [Fact]
    public async Task Members_of_one_gzip_body_are_one_body() =>
        Assert.Equal(new(0, 0, 0), (await PostAsync([.. Gzip("""{"sam"""), .. Gzip("""ples":[]}""")])).Counts());

    [Fact]
    public async Task A_packed_body_cut_anywhere_is_malformed_and_stores_nothing()
    {
        var body = JsonSerializer.Serialize(
            new IngestBatch(null, Series.Samples(20, Series.Start.AddDays(-20))), ProtocolJson.Default.IngestBatch);
        var packed = Gzip(body);

        for (var length = 0; length < packed.Length; length++)
        {
            var answer = await PostAsync(packed[..length]);

            // Only the trailer, the checksum itself, may be missing unnoticed.
            var mayPass = length >= packed.Length - TrailerBytes;
            Assert.True(
                answer.Code == "MALFORMED_BODY" || (mayPass && answer.Status == HttpStatusCode.OK),
                $"{length} of {packed.Length}: {answer.Body}");
        }
    }

    [Fact]
    public async Task A_packed_body_with_any_byte_damaged_never_passes_for_another_one()
    {
        var body = JsonSerializer.Serialize(
            new IngestBatch(null, Series.Samples(3, Series.Start.AddDays(-30))), ProtocolJson.Default.IngestBatch);
        var packed = Gzip(body);
        const int headerBytes = 10; // Time, flags and system: no part of what is packed.
        var padded = packed.Length - TrailerBytes - 1; // The last bits of this byte mean nothing.

        for (var i = headerBytes; i < packed.Length; i++)
        {
            var damaged = packed.ToArray();
            damaged[i] ^= 0x10;

            var answer = await PostAsync(damaged);
            Assert.True(
                answer.Code == "MALFORMED_BODY" || (i == padded && answer.Status == HttpStatusCode.OK),
                $"{i} of {packed.Length}: {answer.Body}");
        }

        await PostAsync(packed);
        Assert.Equal(0, (await Vps.IngestAsync(body)).Counts().Conflicts);
    }

    [Theory]
    [InlineData("{\"samples\":[]}")]
    [InlineData("")]
    [InlineData("\x1f\x8b")]
    public async Task A_body_that_only_claims_to_be_packed_is_malformed(string body) =>
        Assert.Equal("MALFORMED_BODY", (await PostAsync(Encoding.Latin1.GetBytes(body))).Code);

    [Fact]
    public async Task A_body_too_large_only_when_unpacked_is_refused()
    {
        var answer = await PostAsync(Gzip("""{"samples":[]}""" + new string(' ', 3_000_000)));

        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "PAYLOAD_TOO_LARGE"), (answer.Status, answer.Code));
    }

    [Fact]
    public async Task Of_a_bomb_no_more_is_unpacked_than_is_allowed()
    {
        var bomb = Gzip(new byte[200 * 1024 * 1024]);
        using MemoryStream packed = new(bomb);
        DefaultHttpContext context = new() { Request = { Body = packed, ContentType = "application/json" } };
        context.Request.Headers.ContentEncoding = "gzip";

        using var body = await RequestBody.ReadJsonAsync(context.Request, 4 * 1024 * 1024, TestContext.Current.CancellationToken);

        Assert.NotNull(body.Refusal);
        Assert.InRange(packed.Position, 1, bomb.Length / 20); // A fiftieth would be what was unpacked; the rest is what is read ahead.
        Assert.Equal("PAYLOAD_TOO_LARGE", (await PostAsync(bomb)).Code);
    }

    [Fact]
    public async Task A_chunked_body_is_read_and_bounded_like_any_other()
    {
        var taken = await RawAsync(Chunked("""{"samples":[]}"""));
        Assert.EndsWith("""{"inserted":0,"duplicates":0,"conflicts":0}""", taken, StringComparison.Ordinal);

        var tooLarge = await RawAsync(Chunked("""{"samples":[]}""" + new string(' ', 2_000_000)));
        Assert.StartsWith("HTTP/1.1 413 ", tooLarge, StringComparison.Ordinal);
        Assert.Contains("PAYLOAD_TOO_LARGE", tooLarge, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Content-Length: 5000000\r\n\r\n", "413", "PAYLOAD_TOO_LARGE")] // Before a single byte of it.
    [InlineData("Content-Length: 99999999999999\r\n\r\n", "413", "PAYLOAD_TOO_LARGE")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", "400", "MALFORMED_BODY")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", "400", "MALFORMED_BODY")]
    public async Task A_body_that_lies_about_its_length_is_refused(string rest, string status, string code)
    {
        var answer = await RawAsync(rest);

        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains(code, answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_goes_away_in_the_middle_harms_nobody()
    {
        for (var i = 0; i < 20; i++)
        {
            using TcpClient client = new();
            await client.ConnectAsync(Vps.Address.Host, Vps.Address.Port);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(Head + "Content-Length: 100\r\n\r\n{\"samples\":"));
            client.LingerState = new LingerOption(enable: true, seconds: 0); // A reset, not an end.
        }

        Assert.Equal(new(0, 0, 0), (await Vps.IngestAsync("""{"samples":[]}""")).Counts());
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Optimal))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    private static string Chunked(string body)
    {
        StringBuilder chunks = new("Transfer-Encoding: chunked\r\n\r\n");
        foreach (var chunk in body.Chunk(100_000))
        {
            chunks.Append(null, $"{chunk.Length:x}\r\n").Append(chunk).Append("\r\n");
        }

        return chunks.Append("0\r\n\r\n").ToString();
    }

    private Task<Answer> PostAsync(byte[] packed)
    {
        ByteArrayContent content = new(packed);
        content.Headers.ContentType = new("application/json");
        content.Headers.ContentEncoding.Add("gzip");
        return Vps.PostAsync("/v1/ingest", content);
    }

    /// <summary>What a socket gets back, which a client's own care could hide.</summary>
    private async Task<string> RawAsync(string rest)
    {
        using TcpClient client = new();
        await client.ConnectAsync(Vps.Address.Host, Vps.Address.Port);
        var stream = client.GetStream();
        var reading = new StreamReader(stream, Encoding.UTF8).ReadToEndAsync();
        try
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(Head + rest));
        }
        catch (IOException)
        {
            // Refused before the end: the answer is what counts.
        }

        var text = await reading;
        // The body's own chunk sizes are of no interest.
        return text.Replace("\r\n0\r\n\r\n", "", StringComparison.Ordinal);
    }
}
