using System.Buffers;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using Sungrow.Protocol;

namespace Sungrow.Vps;

/// <summary>A request's whole body, unpacked, in pooled memory; or why it is refused. Not ASP.NET's own decompression: that answers 500 to
/// a damaged body and 400 to an unknown encoding.</summary>
internal readonly struct RequestBody : IDisposable
{
    private const int FirstBuffer = 16 * 1024;

    private readonly byte[]? _buffer;
    private readonly int _length;

    private RequestBody(byte[]? buffer, int length, ProblemResult? refusal)
    {
        _buffer = buffer;
        _length = length;
        Refusal = refusal;
    }

    public ProblemResult? Refusal { get; }

    public ReadOnlySpan<byte> Utf8 => _buffer.AsSpan(0, _length);

    /// <summary>Without it .NET takes a cut body for a whole one where only the end mark and the checksum are missing. It looks at this
    /// once, when the first body is unpacked: so before anything else runs.</summary>
    [ModuleInitializer]
    internal static void RefuseTruncated() => AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", isEnabled: true);

    /// <summary>In the order of checks that the contract fixes: media type, encoding, size, and only then what is inside.</summary>
    /// <param name="maxBytes">Of the body as it travels, and as it unpacks.</param>
    public static async ValueTask<RequestBody> ReadJsonAsync(HttpRequest request, int maxBytes, CancellationToken cancellationToken)
    {
        if (!request.HasJsonContentType())
        {
            return Refuse(StatusCodes.Status415UnsupportedMediaType, ErrorCodes.UnsupportedMediaType, "The body must be application/json.");
        }

        var encoding = request.Headers.ContentEncoding;
        var isGzip = encoding.Count == 1 && string.Equals(encoding[0], "gzip", StringComparison.OrdinalIgnoreCase);
        if (encoding.Count > 0 && !isGzip)
        {
            request.HttpContext.Response.Headers.AcceptEncoding = "gzip";
            return Refuse(
                StatusCodes.Status415UnsupportedMediaType, ErrorCodes.UnsupportedEncoding, "Content-Encoding must be gzip, or absent.");
        }

        if (request.ContentLength > maxBytes)
        {
            return TooLarge(maxBytes);
        }

        if (!isGzip)
        {
            return await ReadAsync(request.Body, request.ContentLength, maxBytes, cancellationToken);
        }

        await using var unpacked = new GZipStream(request.Body, CompressionMode.Decompress, leaveOpen: true);
        return await ReadAsync(unpacked, null, maxBytes, cancellationToken);
    }

    public static RequestBody TooLarge(int maxBytes) =>
        Refuse(StatusCodes.Status413PayloadTooLarge, ErrorCodes.PayloadTooLarge, $"The body is over {maxBytes} bytes, decompressed.");

    public void Dispose()
    {
        if (_buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
        }
    }

    /// <param name="whole">How long it is, where that is known: read no further to meet the end.</param>
    private static async ValueTask<RequestBody> ReadAsync(Stream source, long? whole, int maxBytes, CancellationToken cancellationToken)
    {
        // One byte more than expected: never full before the end.
        var buffer = ArrayPool<byte>.Shared.Rent((int)(whole ?? FirstBuffer) + 1);
        var length = 0;
        try
        {
            int read;
            while (length != whole && (read = await source.ReadAsync(buffer.AsMemory(length), cancellationToken)) > 0)
            {
                length += read;
                if (length > maxBytes)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    return TooLarge(maxBytes); // Here a bomb ends: no more of it than fits has been unpacked.
                }

                if (length == buffer.Length)
                {
                    var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                    buffer.AsSpan(0, length).CopyTo(larger);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }
            }

            return new RequestBody(buffer, length, null);
        }
        catch (Exception damaged) when (damaged is InvalidDataException or (IOException and not BadHttpRequestException))
        {
            ArrayPool<byte>.Shared.Return(buffer);
            return Refuse(
                StatusCodes.Status400BadRequest, ErrorCodes.MalformedBody, "The body is not gzip, or it is cut off or damaged.");
        }
    }

    private static RequestBody Refuse(int status, string code, string detail) => new(null, 0, Problems.Of(status, code, detail));
}
