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
}
