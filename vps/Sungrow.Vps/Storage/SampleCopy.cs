using Npgsql;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>Samples by COPY.</summary>
internal static class SampleCopy
{
    private const short Columns = 13;

    // A device id of 64 characters, and per column its length and at most 16 bytes.
    private const int LargestRow = sizeof(short) + (Columns * (sizeof(int) + 16)) + ProtocolLimits.MaxDeviceIdLength;

    public static Task WriteAsync(NpgsqlConnection connection, IReadOnlyList<FlushRow> rows, CancellationToken cancellationToken) =>
        BinaryCopy.WriteAsync(connection, SampleSql.Copy, rows, LargestRow, Encode, cancellationToken);

    // In the order of SampleSql.Copy.
    private static void Encode(ref BinaryCopy copy, FlushRow row)
    {
        copy.Begin(Columns);
        copy.Field(row.Batch.DeviceId);
        copy.Field(row.Batch.BufferId);
        Values(ref copy, row);
    }

    /// <summary>All but whose it is: <c>ts</c> to <c>seq</c>.</summary>
    public static void Values(ref BinaryCopy copy, FlushRow row)
    {
        var sample = row.Sample;
        copy.Field(sample.Ts.UtcDateTime);
        copy.Field(sample.PvPowerW);
        copy.Field(sample.PvDailyKwh);
        copy.Field(sample.BatteryPowerW);
        copy.Field(sample.BatterySocPct);
        copy.Field(sample.BatteryTempC);
        copy.Field(sample.LoadPowerW);
        copy.Field(sample.ExportPowerW);
        copy.Field(sample.SampleCount);
        copy.Field(SampleSql.IntervalS(row));
        copy.Field(sample.Seq);
    }
}
