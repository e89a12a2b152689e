using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Npgsql;

namespace Sungrow.Vps.Shelly;

/// <summary>Readings in PostgreSQL's binary COPY format, written by hand as those of samples are: an importer's call for each value takes
/// longer than the JSON they came in.</summary>
internal ref struct ReadingCopy
{
    private const string Copy = $"COPY power_logs {PowerLogs.Columns} FROM STDIN (FORMAT binary)";
    private const short Fields = 8;

    // Per field its length and at most 8 bytes; the device twice, once within its key, which has 32 characters more at most.
    private const int LargestRow = sizeof(short) + (Fields * (sizeof(int) + 8)) + (2 * ShellyBatchReader.MaxDevice) + 32;
    private static readonly long Epoch = new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks;

    private readonly Span<byte> _buffer;
    private int _length;

    private ReadingCopy(Span<byte> buffer) => _buffer = buffer;

    public static async Task WriteAsync(NpgsqlConnection connection, List<Reading> readings, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((readings.Count * LargestRow) + 32);
        try
        {
            var length = Encode(readings, buffer);
            // Its end sends the end of the data, and throws what the server says to it.
            await using var copy = await connection.BeginRawBinaryCopyAsync(Copy, cancellationToken);
            await copy.WriteAsync(buffer.AsMemory(0, length), cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static int Encode(List<Reading> readings, Span<byte> buffer)
    {
        var copy = new ReadingCopy(buffer);
        // The signature, no flags, no extension.
        ReadOnlySpan<byte> header = [(byte)'P', (byte)'G', (byte)'C', (byte)'O', (byte)'P', (byte)'Y', 10, 255, 13, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        header.CopyTo(buffer);
        copy._length = header.Length;
        foreach (var reading in readings)
        {
            copy.Add(reading);
        }

        copy.Add((short)-1); // The end.
        return copy._length;
    }

    // In the order of PowerLogs.Columns.
    private void Add(Reading reading)
    {
        Add(Fields);
        Add(reading.DeviceId);
        Add(sizeof(int));
        Add(reading.Channel);
        Add((double?)reading.PowerW);
        Add(reading.VoltageV);
        Add(reading.CurrentA);
        Add(reading.Timestamp.UtcDateTime);
        Add(reading.StartOfMinute);
        Add(reading.Key);
    }

    private void Add(short value)
    {
        BinaryPrimitives.WriteInt16BigEndian(_buffer[_length..], value);
        _length += sizeof(short);
    }

    private void Add(int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(_buffer[_length..], value);
        _length += sizeof(int);
    }

    private void Add(long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(_buffer[_length..], value);
        _length += sizeof(long);
    }

    private void Add(string text)
    {
        var length = Encoding.UTF8.GetBytes(text, _buffer[(_length + sizeof(int))..]);
        Add(length);
        _length += length;
    }

    private void Add(DateTime utc)
    {
        Add(sizeof(long));
        Add((utc.Ticks - Epoch) / TimeSpan.TicksPerMicrosecond);
    }

    private void Add(double? value)
    {
        if (value is not { } number)
        {
            Add(-1); // Null.
            return;
        }

        Add(sizeof(double));
        Add(BitConverter.DoubleToInt64Bits(number));
    }
}
