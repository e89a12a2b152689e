using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>Reads the edge's file as it lies there, with nothing of the edge's own code: a mistake in that one cannot hide itself
/// here.</summary>
internal static class BufferReader
{
    static BufferReader() => Batteries_V2.Init();

    public static BufferBook Read(string path)
    {
        var source = new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false };
        using var connection = new SqliteConnection(source.ToString());
        connection.Open();
        using var transaction = connection.BeginTransaction(deferred: true); // All of it is of one moment.

        var rows = Samples(connection, "samples");
        var held = Samples(connection, "held");
        var deadLetters = Samples(connection, "dead_letters");
        var missing = Rows(
            connection,
            "SELECT from_seq, to_seq, rows, reason FROM missing",
            row => (From: row.GetInt64(0), To: row.GetInt64(1), Rows: row.GetInt64(2), Reason: row.GetString(3)));
        // A range may span rows of another fate: neighbours are joined when nothing of the same device waits between them.
        HashSet<long> Missing(string reason) =>
            [.. missing.Where(range => range.Reason == reason && range.Rows > 0).SelectMany(range => Seqs(range.From, range.To))];

        return new(
            Guid.Parse(Rows(connection, "SELECT buffer_id FROM buffer", row => row.GetString(0)).Single()),
            Rows(connection, "SELECT coalesce(max(last_seq), 0) FROM devices", row => row.GetInt64(0)).Single(),
            Rows(connection, "SELECT cursor FROM devices", row => row.GetInt64(0)).SingleOrDefault(),
            rows.Concat(held).Concat(deadLetters).ToDictionary(row => row.Seq, row => row.Row),
            held.Select(row => row.Seq).ToHashSet(),
            Missing("dead_lettered"),
            Missing("evicted"),
            Rows(
                connection,
                "SELECT committed, acknowledged, dead_lettered, evicted FROM devices",
                row => new BufferCounters(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3)))
                .SingleOrDefault() ?? new(0, 0, 0, 0));
    }

    private static IEnumerable<long> Seqs(long from, long to)
    {
        for (var seq = from; seq <= to; seq++)
        {
            yield return seq;
        }
    }

    // A ts of 0: the clock was not trusted yet.
    private static List<(long Seq, BookedRow Row)> Samples(SqliteConnection connection, string table) => Rows(
        connection,
        $"""
        SELECT seq, ts, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c, load_power_w, export_power_w FROM {table}
        """,
        row => (row.GetInt64(0), new BookedRow(row.GetInt64(1) == 0 ? null : Time(row.GetInt64(1)), MetricsFrom(row, 2))));

    private static DateTimeOffset Time(long microseconds) => DateTimeOffset.UnixEpoch.AddMicroseconds(microseconds);

    private static Metrics MetricsFrom(SqliteDataReader row, int first) => new(
        [.. Enumerable.Range(first, Metrics.Names.Length).Select(column => row.IsDBNull(column) ? null : (double?)row.GetDouble(column))]);

    private static List<T> Rows<T>(SqliteConnection connection, string sql, Func<SqliteDataReader, T> read)
    {
        using var select = connection.CreateCommand();
        select.CommandText = sql;
        using var row = select.ExecuteReader();
        List<T> rows = [];
        while (row.Read())
        {
            rows.Add(read(row));
        }

        return rows;
    }
}
