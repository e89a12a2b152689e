using Npgsql;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>Samples sent, beside the rows that stand under their keys.</summary>
/// <param name="Found">How many of them are stored.</param>
/// <param name="Conflicting">Stored with other values.</param>
/// <param name="Renumbered">Stored with these values under another <c>buffer_id</c> or <c>seq</c>.</param>
internal sealed record SampleComparison(int Found, IReadOnlyList<FlushRow> Conflicting, IReadOnlyList<FlushRow> Renumbered)
{
    // What lies between is read too: at a sample a second at most sixty rows for one that was sent. Where more lie there, each that was
    // sent is read by itself.
    public const int MostBetween = 60;

    /// <param name="rows">Some of the flush's, in its order.</param>
    public static async Task<SampleComparison> ReadAsync(
        NpgsqlConnection connection, Flush flush, IReadOnlyList<FlushRow> rows, CancellationToken cancellationToken)
    {
        var stored = await TryReadAsync(connection, flush, rows, SampleRange.LongestStep, cancellationToken)
            ?? (await TryReadAsync(connection, flush, rows, TimeSpan.Zero, cancellationToken))!; // No key stands twice.
        return Compare(rows, stored);
    }

    /// <returns>Null: more lies between them than is read.</returns>
    private static async Task<Dictionary<(string DeviceId, DateTimeOffset Ts), StoredRow>?> TryReadAsync(
        NpgsqlConnection connection, Flush flush, IReadOnlyList<FlushRow> rows, TimeSpan longestStep, CancellationToken cancellationToken)
    {
        var ranges = SampleRange.Of(rows, longestStep);
        var left = ranges.ConvertAll(range => MostRead(range.Rows));
        var wanted = rows.Select(row => (row.Batch.DeviceId, row.Sample.Ts)).ToHashSet();
        Dictionary<(string DeviceId, DateTimeOffset Ts), StoredRow> stored = new(rows.Count);
        await using var command = new NpgsqlCommand(SampleSql.Stored(flush.First, flush.Last), connection);
        SampleSql.AddRanges(command.Parameters, ranges, MostRead);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            var range = (int)row.GetInt64(0) - 1;
            var key = (ranges[range].DeviceId, row.GetFieldValue<DateTimeOffset>(1));
            if (--left[range] == 0)
            {
                return null;
            }

            if (wanted.Contains(key))
            {
                stored[key] = Read(row, key.DeviceId);
            }
        }

        return stored;
    }

    // One more than there may be: then it is known that there are more.
    private static int MostRead(int rows) => (rows * MostBetween) + 1;

    private static SampleComparison Compare(
        IReadOnlyList<FlushRow> rows, Dictionary<(string DeviceId, DateTimeOffset Ts), StoredRow> stored)
    {
        List<FlushRow> conflicting = [], renumbered = [];
        var found = 0;
        foreach (var row in rows)
        {
            if (!stored.TryGetValue((row.Batch.DeviceId, row.Sample.Ts), out var standing))
            {
                continue;
            }

            found++;
            if (!HaveSameValues(row.Sample, standing.Sample))
            {
                conflicting.Add(row);
            }
            else if (row.Sample.Seq != standing.Sample.Seq || row.Batch.BufferId != standing.BufferId)
            {
                renumbered.Add(row);
            }
        }

        return new SampleComparison(found, conflicting, renumbered);
    }

    private static bool HaveSameValues(SungrowSample one, SungrowSample other) =>
        one.PvPowerW == other.PvPowerW && one.PvDailyKwh == other.PvDailyKwh && one.BatteryPowerW == other.BatteryPowerW
        && one.BatterySocPct == other.BatterySocPct && one.BatteryTempC == other.BatteryTempC && one.LoadPowerW == other.LoadPowerW
        && one.ExportPowerW == other.ExportPowerW && one.SampleCount == other.SampleCount;

    private static StoredRow Read(NpgsqlDataReader row, string deviceId)
    {
        return new StoredRow(
            new SungrowSample
            {
                DeviceId = deviceId,
                Ts = row.GetFieldValue<DateTimeOffset>(1),
                PvPowerW = Metric(2),
                PvDailyKwh = Metric(3),
                BatteryPowerW = Metric(4),
                BatterySocPct = Metric(5),
                BatteryTempC = Metric(6),
                LoadPowerW = Metric(7),
                ExportPowerW = Metric(8),
                SampleCount = row.GetInt32(9),
                Seq = row.IsDBNull(10) ? null : row.GetInt64(10),
            },
            row.IsDBNull(11) ? null : row.GetGuid(11));

        double? Metric(int ordinal) => row.IsDBNull(ordinal) ? null : row.GetDouble(ordinal);
    }

    private readonly record struct StoredRow(SungrowSample Sample, Guid? BufferId);
}
