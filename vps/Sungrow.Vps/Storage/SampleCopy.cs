using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Npgsql;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>Rows in PostgreSQL's binary COPY format, written by hand: an importer's call for each value took longer than the JSON they
/// came in.</summary>
internal ref struct SampleCopy
{
    private const short Columns = 13;

    // Two names of 64 characters, and per column its length and at most 16 bytes.
    private const int LargestRow = sizeof(short) + (Columns * (sizeof(int) + 16)) + (2 * ProtocolLimits.MaxDeviceIdLength);
    private static readonly long Epoch = new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero).Ticks;

    private readonly Span<byte> _buffer;
    private int _length;

    private SampleCopy(Span<byte> buffer) => _buffer = buffer;

    /// <param name="customer">Null: into the samples. Else into what that customer has pushed, where his name stands in the place of the
    /// buffer.</param>
    public static async Task WriteAsync(
        NpgsqlConnection connection, IReadOnlyList<FlushRow> rows, CancellationToken cancellationToken, string? customer = null)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((rows.Count * LargestRow) + 32);
        try
        {
            var length = Encode(rows, customer, buffer);
            // Its end sends the end of the data, and throws what the server says to it; without a commit nothing of it stays.
            await using var copy = await connection.BeginRawBinaryCopyAsync(customer is null ? SampleSql.Copy : FleetMeasurements.Copy, cancellationToken);
            await copy.WriteAsync(buffer.AsMemory(0, length), cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static int Encode(IReadOnlyList<FlushRow> rows, string? customer, Span<byte> buffer)
    {
        var copy = new SampleCopy(buffer);
        copy.AddHeader();
        for (var i = 0; i < rows.Count; i++)
        {
            copy.Add(rows[i], customer);
        }

        copy.Add((short)-1); // The end.
        return copy._length;
    }

    // The signature, no flags, no extension.
    private void AddHeader()
    {
        ReadOnlySpan<byte> signature = [(byte)'P', (byte)'G', (byte)'C', (byte)'O', (byte)'P', (byte)'Y', 10, 255, 13, 10, 0];
        signature.CopyTo(_buffer);
        _length = signature.Length;
        Add(0);
        Add(0);
    }

    // In the order of SampleSql.Copy.
    private void Add(FlushRow row, string? customer)
    {
        var sample = row.Sample;
        Add(Columns);
        Add(row.Batch.DeviceId);
        if (customer is null)
        {
            AddNullable(row.Batch.BufferId);
        }
        else
        {
            Add(customer);
        }

        Add(sizeof(long));
        Add((sample.Ts.UtcTicks - Epoch) / TimeSpan.TicksPerMicrosecond);
        AddNullable(sample.PvPowerW);
        AddNullable(sample.PvDailyKwh);
        AddNullable(sample.BatteryPowerW);
        AddNullable(sample.BatterySocPct);
        AddNullable(sample.BatteryTempC);
        AddNullable(sample.LoadPowerW);
        AddNullable(sample.ExportPowerW);
        Add(sizeof(int));
        Add(sample.SampleCount);
        AddNullable(SampleSql.IntervalS(row));
        AddNullable(sample.Seq);
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

    private void AddNull() => Add(-1);

    private void Add(string text)
    {
        var length = Encoding.UTF8.GetBytes(text, _buffer[(_length + sizeof(int))..]);
        Add(length);
        _length += length;
    }

    private void AddNullable(Guid? value)
    {
        if (value is not { } id)
        {
            AddNull();
            return;
        }

        Add(16);
        id.TryWriteBytes(_buffer[_length..], bigEndian: true, out _);
        _length += 16;
    }

    private void AddNullable(double? value)
    {
        if (value is not { } number)
        {
            AddNull();
            return;
        }

        Add(sizeof(double));
        Add(BitConverter.DoubleToInt64Bits(number));
    }

    private void AddNullable(long? value)
    {
        if (value is not { } number)
        {
            AddNull();
            return;
        }

        Add(sizeof(long));
        Add(number);
    }
}
