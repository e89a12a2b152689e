using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Npgsql;

namespace Sungrow.Vps.Storage;

/// <summary>Rows in PostgreSQL's binary COPY format, written by hand: an importer's call for each value took longer than the JSON they
/// came in. https://www.postgresql.org/docs/current/sql-copy.html</summary>
internal ref struct BinaryCopy
{
    // The signature, no flags, no extension; and the end.
    private const int Frame = 32;
    private static readonly long Epoch = new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks;

    private readonly Span<byte> _buffer;
    private int _length;

    private BinaryCopy(Span<byte> buffer) => _buffer = buffer;

    /// <summary>Writes one row: <see cref="Begin"/>, then each of its fields.</summary>
    public delegate void Encoder<in T>(ref BinaryCopy copy, T row);

    /// <param name="largestRow">In bytes, with the length of each field.</param>
    public static async Task WriteAsync<T>(
        NpgsqlConnection connection, string sql, IReadOnlyList<T> rows, int largestRow, Encoder<T> encode, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((rows.Count * largestRow) + Frame);
        try
        {
            var length = Encode(rows, buffer, encode);
            // Its end sends the end of the data, and throws what the server says to it. In a transaction nothing of it stays without a
            // commit; outside of one it is committed then, or as a whole not.
            await using var copy = await connection.BeginRawBinaryCopyAsync(sql, cancellationToken);
            await copy.WriteAsync(buffer.AsMemory(0, length), cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public void Begin(short fields) => Put(fields);

    public void Field(string text)
    {
        var length = Encoding.UTF8.GetBytes(text, _buffer[(_length + sizeof(int))..]);
        Put(length);
        _length += length;
    }

    public void Field(int value)
    {
        Put(sizeof(int));
        Put(value);
    }

    public void Field(long? value)
    {
        if (Has(value is not null, sizeof(long)))
        {
            Put(value!.Value);
        }
    }

    public void Field(double? value)
    {
        if (Has(value is not null, sizeof(double)))
        {
            Put(BitConverter.DoubleToInt64Bits(value!.Value));
        }
    }

    public void Field(Guid? value)
    {
        const int Bytes = 16;
        if (Has(value is not null, Bytes))
        {
            value!.Value.TryWriteBytes(_buffer[_length..], bigEndian: true, out _);
            _length += Bytes;
        }
    }

    public void Field(DateTime utc)
    {
        Put(sizeof(long));
        Put((utc.Ticks - Epoch) / TimeSpan.TicksPerMicrosecond);
    }

    private static int Encode<T>(IReadOnlyList<T> rows, Span<byte> buffer, Encoder<T> encode)
    {
        var copy = new BinaryCopy(buffer);
        ReadOnlySpan<byte> header = [(byte)'P', (byte)'G', (byte)'C', (byte)'O', (byte)'P', (byte)'Y', 10, 255, 13, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        header.CopyTo(buffer);
        copy._length = header.Length;
        for (var i = 0; i < rows.Count; i++)
        {
            encode(ref copy, rows[i]);
        }

        copy.Put((short)-1); // The end.
        return copy._length;
    }

    // A field's length, or that it is null.
    private bool Has(bool present, int bytes)
    {
        Put(present ? bytes : -1);
        return present;
    }

    private void Put(short value)
    {
        BinaryPrimitives.WriteInt16BigEndian(_buffer[_length..], value);
        _length += sizeof(short);
    }

    private void Put(int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(_buffer[_length..], value);
        _length += sizeof(int);
    }

    private void Put(long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(_buffer[_length..], value);
        _length += sizeof(long);
    }
}
