using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Sungrow.Protocol;

/// <summary>A request's body, ready to travel: JSON, compressed above 1 kB. Made apart from the request, so that the next batch's can be
/// made while one is in flight, and a batch that is too large is known before it is sent.</summary>
/// <param name="JsonBytes">Uncompressed: what the server's limit counts.</param>
public sealed record WireBody(ReadOnlyMemory<byte> Bytes, int JsonBytes, bool Compressed)
{
    public static WireBody Of<T>(T value, JsonTypeInfo<T> form)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(value, form);
        return json.Length > ProtocolLimits.CompressAboveBytes
            ? new(Gzip(json), json.Length, true)
            : new(json, json.Length, false);
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

    private static ReadOnlyMemory<byte> Gzip(byte[] bytes)
    {
        using MemoryStream compressed = new(bytes.Length / 4);
        using (GZipStream gzip = new(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        return compressed.GetBuffer().AsMemory(0, (int)compressed.Length);
    }
}
