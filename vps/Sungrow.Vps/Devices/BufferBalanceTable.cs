using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <summary>One buffer's row of <c>buffer_balance</c>.</summary>
internal sealed class BufferBalanceTable(NpgsqlConnection connection, Guid bufferId, string deviceId)
{
    /// <returns>And the database's clock, which stamps the rows too. Before the first report: nothing but zeros.</returns>
    public async Task<(BufferAccount Account, DateTimeOffset Now)> ReadAsync(CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT reports, reported_at, sent_at, committed, cursors, rows_since, checked_at, stored, conflicting, elsewhere, doubled,
                   unexplained, difference, verdict, searched_at, asked, runs, anomaly, anomaly_at, clock_timestamp()
            FROM (SELECT) AS one LEFT JOIN buffer_balance ON buffer_id = $1 AND device_id = $2
            """,
            connection);
        command.Parameters.Add(new() { Value = bufferId });
        command.Parameters.Add(new() { Value = deviceId });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        var now = row.GetFieldValue<DateTimeOffset>(19);
        return row.IsDBNull(0) ? (BufferAccount.Unknown, now) : (new()
        {
            Reports = row.GetInt64(0),
            ReportedAt = Time(1),
            SentAt = Time(2),
            Committed = row.GetInt64(3),
            Cursors = JsonSerializer.Deserialize(row.GetString(4), ProtocolJson.Default.IReadOnlyDictionaryStringInt64)!,
            RowsSince = Time(5),
            CheckedAt = Time(6),
            Found = new(row.GetInt64(7), row.GetInt64(8), row.GetInt64(9), row.GetInt64(10)),
            Unexplained = row.GetInt64(11),
            Difference = row.GetInt64(12),
            Verdict = Text(13),
            SearchedAt = Time(14),
            Asked = row.GetInt32(15),
            Runs = row.GetFieldValue<string[]>(16),
            Anomaly = Text(17),
            AnomalyAt = Time(18),
        }, now);

        DateTimeOffset? Time(int column) => row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);
        string? Text(int column) => row.IsDBNull(column) ? null : row.GetString(column);
    }

    /// <summary>When rows of the device were last searched for any of its buffers.</summary>
    public async Task<DateTimeOffset?> ReadSearchedAtAsync(CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT max(searched_at) FROM buffer_balance WHERE device_id = $1", connection);
        command.Parameters.Add(new() { Value = deviceId });
        return await command.ExecuteScalarAsync(cancellationToken) is DateTime at ? new DateTimeOffset(at) : null;
    }

    /// <returns>Whether it was kept: not when another report of this buffer was judged in the meantime.</returns>
    public async Task<bool> SaveAsync(BufferAccount account, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO buffer_balance (buffer_id, device_id, reports, reported_at, sent_at, committed, cursors, rows_since, checked_at,
                                        stored, conflicting, elsewhere, doubled, unexplained, difference, verdict, searched_at, asked,
                                        runs, anomaly, anomaly_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
            ON CONFLICT (buffer_id, device_id) DO UPDATE SET
                reports = excluded.reports, reported_at = excluded.reported_at, sent_at = excluded.sent_at,
                committed = excluded.committed, cursors = excluded.cursors, rows_since = excluded.rows_since,
                checked_at = excluded.checked_at, stored = excluded.stored, conflicting = excluded.conflicting,
                elsewhere = excluded.elsewhere, doubled = excluded.doubled, unexplained = excluded.unexplained,
                difference = excluded.difference, verdict = excluded.verdict, searched_at = excluded.searched_at,
                asked = excluded.asked, runs = excluded.runs, anomaly = excluded.anomaly, anomaly_at = excluded.anomaly_at
            WHERE buffer_balance.reports = excluded.reports - 1
            """,
            connection);
        Add(NpgsqlDbType.Uuid, bufferId);
        Add(NpgsqlDbType.Text, deviceId);
        Add(NpgsqlDbType.Bigint, account.Reports);
        Add(NpgsqlDbType.TimestampTz, account.ReportedAt);
        Add(NpgsqlDbType.TimestampTz, account.SentAt);
        Add(NpgsqlDbType.Bigint, account.Committed);
        Add(NpgsqlDbType.Jsonb, JsonSerializer.Serialize(account.Cursors, ProtocolJson.Default.IReadOnlyDictionaryStringInt64));
        Add(NpgsqlDbType.TimestampTz, account.RowsSince);
        Add(NpgsqlDbType.TimestampTz, account.CheckedAt);
        Add(NpgsqlDbType.Bigint, account.Found.Stored);
        Add(NpgsqlDbType.Bigint, account.Found.Conflicting);
        Add(NpgsqlDbType.Bigint, account.Found.Elsewhere);
        Add(NpgsqlDbType.Bigint, account.Found.Doubled);
        Add(NpgsqlDbType.Bigint, account.Unexplained);
        Add(NpgsqlDbType.Bigint, account.Difference);
        Add(NpgsqlDbType.Text, account.Verdict);
        Add(NpgsqlDbType.TimestampTz, account.SearchedAt);
        Add(NpgsqlDbType.Integer, account.Asked);
        Add(NpgsqlDbType.Array | NpgsqlDbType.Text, account.Runs);
        Add(NpgsqlDbType.Text, account.Anomaly);
        Add(NpgsqlDbType.TimestampTz, account.AnomalyAt);
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;

        void Add(NpgsqlDbType type, object? value) =>
            command.Parameters.Add(new() { Value = value ?? DBNull.Value, NpgsqlDbType = type });
    }
}
