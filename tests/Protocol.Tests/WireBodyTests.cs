using System.IO.Compression;
using System.Text.Json;

namespace Sungrow.Protocol.Tests;

public class WireBodyTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2_500, true)]
    public async Task What_travels_is_compressed_where_it_is_large_and_knows_how_long_its_text_is(int samples, bool compressed)
    {
        IngestBatch batch = new(
            Guid.NewGuid(), [.. Enumerable.Range(0, samples).Select(n => new SungrowSample { DeviceId = "A1", Ts = DateTimeOffset.UnixEpoch.AddSeconds(n) })]);
        var json = JsonSerializer.SerializeToUtf8Bytes(batch, ProtocolJson.Default.IngestBatch);

        var body = WireBody.Of(batch, ProtocolJson.Default.IngestBatch);

        Assert.Equal((json.Length, compressed), (body.JsonBytes, body.Compressed));
        using var content = body.Content();
        Assert.Equal(compressed ? ["gzip"] : [], content.Headers.ContentEncoding);
        Assert.Equal("application/json", content.Headers.ContentType?.ToString());
        Assert.Equal(body.Bytes.Length, content.Headers.ContentLength);
        await using var sent = await content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        await using Stream text = compressed ? new GZipStream(sent, CompressionMode.Decompress) : sent;
        using MemoryStream read = new();
        await text.CopyToAsync(read, TestContext.Current.CancellationToken);
        Assert.Equal(json, read.ToArray());
    }
}
