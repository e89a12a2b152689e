using Npgsql;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Shelly;

/// <summary>Readings by COPY.</summary>
internal static class ReadingCopy
{
    private const string Copy = $"COPY power_logs {PowerLogs.Columns} FROM STDIN (FORMAT binary)";
    private const short Fields = 8;

    // Per field its length and at most 8 bytes; the device twice, once within its key, which has 32 characters more at most.
    private const int LargestRow = sizeof(short) + (Fields * (sizeof(int) + 8)) + (2 * ShellyBatchReader.MaxDevice) + 32;

    public static Task WriteAsync(NpgsqlConnection connection, List<Reading> readings, CancellationToken cancellationToken) =>
        BinaryCopy.WriteAsync(connection, Copy, readings, LargestRow, Encode, cancellationToken);

    // In the order of PowerLogs.Columns.
    private static void Encode(ref BinaryCopy copy, Reading reading)
    {
        copy.Begin(Fields);
        copy.Field(reading.DeviceId);
        copy.Field(reading.Channel);
        copy.Field(reading.PowerW);
        copy.Field(reading.VoltageV);
        copy.Field(reading.CurrentA);
        copy.Field(reading.Timestamp.UtcDateTime);
        copy.Field(reading.StartOfMinute);
        copy.Field(reading.Key);
    }
}
