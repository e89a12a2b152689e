using Npgsql;

namespace Sungrow.Vps.Storage;

/// <summary>Times whose samples have changed where the regular refresh does not look. Written in the transaction of the change, so that
/// neither can be there without the other; removed after the refresh, so that a process that dies between them repeats it. Each change has
/// a row of its own: one that another change had joined could be removed before that one was seen.</summary>
internal static class PendingRefresh
{
    public static async Task AddAsync(
        NpgsqlConnection connection, DateTimeOffset first, DateTimeOffset last, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("INSERT INTO pending_refresh (from_ts, to_ts) VALUES ($1, $2)", connection)
        {
            Parameters = { new() { Value = first.UtcDateTime }, new() { Value = last.UtcDateTime } },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Times of what another VPS has pushed, as a part of the writer's last round trip.</summary>
    public static NpgsqlBatchCommand OfFleet(DateTimeOffset first, DateTimeOffset last) =>
        new($"INSERT INTO pending_refresh (view, from_ts, to_ts) VALUES ('{FleetAggregate.View}', $1, $2)")
        {
            Parameters = { new() { Value = first.UtcDateTime }, new() { Value = last.UtcDateTime } },
        };

    /// <summary>Times of loads.</summary>
    public static async Task AddLoadsAsync(
        NpgsqlConnection connection, IEnumerable<(DateTime First, DateTime Last)> ranges, CancellationToken cancellationToken)
    {
        var (first, last) = (ranges.Select(range => range.First).ToArray(), ranges.Select(range => range.Last).ToArray());
        await using var command = new NpgsqlCommand(
            $"INSERT INTO pending_refresh (view, from_ts, to_ts) SELECT '{LoadAggregate.View}', * FROM unnest($1, $2)", connection)
        {
            Parameters = { new() { Value = first }, new() { Value = last } },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
