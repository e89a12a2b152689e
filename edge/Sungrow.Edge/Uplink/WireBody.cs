using System.Buffers;
using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>A request's body, ready to travel: JSON, compressed above 1 kB. Made apart from the request, so that the next batch's can be
/// made while one is in flight, and a batch that is too large is known before it is sent.</summary>
/// <param name="JsonBytes">Uncompressed: what the server's limit counts.</param>
internal sealed record WireBody(ReadOnlyMemory<byte> Bytes, int JsonBytes, bool Compressed)
{
    public static WireBody Of(IngestBatch batch) => Of(batch, ProtocolJson.Default.IngestBatch);

    public static WireBody Of<T>(T value, JsonTypeInfo<T> form)
    {
        var json = new ArrayBufferWriter<byte>(ProtocolLimits.CompressAboveBytes);
        using (var writer = new Utf8JsonWriter(json))
        {
            JsonSerializer.Serialize(writer, value, form);
        }

        return json.WrittenCount > ProtocolLimits.CompressAboveBytes
            ? new(Gzip(json.WrittenSpan), json.WrittenCount, true)
            : new(json.WrittenMemory, json.WrittenCount, false);
    }

    public HttpContent Content()
    {
        var content = new ReadOnlyMemoryContent(Bytes);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (Compressed)
        {
            content.Headers.ContentEncoding.Add("gzip");
        }

        return content;
    }

    private static ReadOnlyMemory<byte> Gzip(ReadOnlySpan<byte> bytes)
    {
        using var compressed = new MemoryStream(bytes.Length / 4);
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        return compressed.GetBuffer().AsMemory(0, (int)compressed.Length);
    }
}
