using Npgsql;

namespace Sungrow.EndToEnd.Tests.Chaos;

internal static class ServerReader
{
    public static async Task<ServerBook> ReadAsync(string database, Guid bufferId, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync(cancellationToken);
        var stored = await RowsAsync(
            """
            SELECT seq, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w, export_power_w
            FROM sungrow_samples WHERE buffer_id = $1
            """,
            row => new StoredSample(
                row.GetInt64(0),
                row.GetFieldValue<DateTimeOffset>(1),
                new([.. Enumerable.Range(2, Metrics.Names.Length).Select(column => row.IsDBNull(column) ? null : (double?)row.GetDouble(column))])));
        var conflicting = await RowsAsync("SELECT seq FROM quarantine WHERE buffer_id = $1", row => row.GetInt64(0));
        var elsewhere = await RowsAsync("SELECT seq FROM elsewhere WHERE buffer_id = $1", row => row.GetInt64(0));
        var strangers = await RowsAsync(
            "SELECT count(*) FROM sungrow_samples WHERE buffer_id IS DISTINCT FROM $1 OR seq IS NULL", row => row.GetInt64(0));
        var reported = await RowsAsync(
            "SELECT committed, acknowledged, dead_lettered, evicted FROM buffers WHERE buffer_id = $1",
            row => new BufferCounters(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3)));
        return new(stored, conflicting, elsewhere, strangers[0], reported.FirstOrDefault());

        async Task<List<T>> RowsAsync<T>(string sql, Func<NpgsqlDataReader, T> read)
        {
            await using var select = new NpgsqlCommand(sql, connection) { Parameters = { new() { Value = bufferId } } };
            await using var row = await select.ExecuteReaderAsync(cancellationToken);
            List<T> rows = [];
            while (await row.ReadAsync(cancellationToken))
            {
                rows.Add(read(row));
            }

            return rows;
        }
    }
}
