using Npgsql;
using NpgsqlTypes;

namespace Sungrow.Vps.Storage;

/// <summary>What an admin VPS has yet to be told, as stretches of time: written in the transaction that stores the samples, so that neither
/// can be there without the other, and a transaction that commits late is pushed late, and not passed over.</summary>
/// <param name="isOn">Whether this VPS pushes at all; else nothing is written.</param>
internal sealed class FleetOutbox(bool isOn)
{
    private const string Insert =
        "INSERT INTO fleet_outbox (device_id, from_ts, to_ts) SELECT * FROM unnest($1, $2, $3) AS sent (device_id, from_ts, to_ts)";

    public bool IsOn => isOn;

    /// <summary>One row per device of which anything was inserted.</summary>
    /// <param name="inserted">Of each request.</param>
    /// <returns>Null where there is nothing to push.</returns>
    public NpgsqlBatchCommand? Rows(IReadOnlyList<SampleBatch> requests, IReadOnlyList<int> inserted)
    {
        if (!isOn)
        {
            return null;
        }

        Dictionary<string, (DateTimeOffset From, DateTimeOffset To)> stretches = new(StringComparer.Ordinal);
        for (var i = 0; i < requests.Count; i++)
        {
            if (inserted[i] > 0)
            {
                var (device, from, to) = (requests[i].DeviceId, requests[i].Samples[0].Ts, requests[i].Samples[^1].Ts);
                stretches[device] = stretches.TryGetValue(device, out var known)
                    ? (known.From < from ? known.From : from, known.To > to ? known.To : to)
                    : (from, to);
            }
        }

        if (stretches.Count == 0)
        {
            return null;
        }

        NpgsqlBatchCommand command = new(Insert);
        KeyValuePair<string, (DateTimeOffset From, DateTimeOffset To)>[] rows = [.. stretches];
        SampleSql.AddColumn(command.Parameters, rows, NpgsqlDbType.Text, row => row.Key);
        SampleSql.AddColumn(command.Parameters, rows, NpgsqlDbType.TimestampTz, row => row.Value.From.UtcDateTime);
        SampleSql.AddColumn(command.Parameters, rows, NpgsqlDbType.TimestampTz, row => row.Value.To.UtcDateTime);
        return command;
    }

    /// <summary>One sample, in the caller's transaction.</summary>
    public async Task AddAsync(NpgsqlConnection connection, string deviceId, DateTimeOffset ts, CancellationToken cancellationToken)
    {
        if (isOn)
        {
            await using var command = new NpgsqlCommand("INSERT INTO fleet_outbox (device_id, from_ts, to_ts) VALUES ($1, $2, $2)", connection)
            {
                Parameters = { new() { Value = deviceId }, new() { Value = ts.UtcDateTime } },
            };
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
