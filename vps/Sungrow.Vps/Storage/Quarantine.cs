using System.Security.Cryptography;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>What was acknowledged without becoming a row of its own, so that the balance of a buffer closes: conflicts with their values,
/// and rows whose sample is here under another number. In the transaction that counts them.</summary>
internal static class Quarantine
{
    private const string AddConflicts =
        """
        INSERT INTO quarantine (device_id, ts, code, payload_hash, payload, buffer_id, seq)
        SELECT $1, ts, $2, payload_hash, payload, $3, seq
        FROM unnest($4, $5, $6, $7) AS refused (ts, payload_hash, payload, seq)
        ON CONFLICT (device_id, ts, code, payload_hash) DO NOTHING
        """;

    // The same refused values may come again under another number, from a buffer salvaged into a new one: that row is acknowledged too.
    private const string AddRenumberedConflicts =
        """
        INSERT INTO elsewhere (buffer_id, seq, device_id, ts)
        SELECT $3, refused.seq, $1, refused.ts
        FROM unnest($4, $5, $6, $7) AS refused (ts, payload_hash, payload, seq)
        JOIN quarantine AS kept
          ON kept.device_id = $1 AND kept.ts = refused.ts AND kept.code = $2 AND kept.payload_hash = refused.payload_hash
        WHERE refused.seq IS NOT NULL AND (kept.buffer_id, kept.seq) IS DISTINCT FROM ($3, refused.seq)
        ON CONFLICT (buffer_id, seq) DO NOTHING
        """;

    private const string AddElsewhere =
        """
        INSERT INTO elsewhere (buffer_id, seq, device_id, ts)
        SELECT $2, seq, $1, ts FROM unnest($3, $4) AS known (seq, ts)
        ON CONFLICT (buffer_id, seq) DO NOTHING
        """;

    /// <summary>Samples whose key stands with other values; each distinct one is kept once, however often it comes.</summary>
    public static async Task AddConflictsAsync(
        NpgsqlConnection connection, SampleBatch batch, List<SungrowSample> refused, CancellationToken cancellationToken)
    {
        if (refused.Count == 0)
        {
            return;
        }

        await ExecuteAsync(AddConflicts);
        if (batch.BufferId is not null)
        {
            await ExecuteAsync(AddRenumberedConflicts);
        }

        async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection)
            {
                Parameters =
                {
                    new() { Value = batch.DeviceId },
                    new() { Value = ErrorCodes.ConflictingSample },
                    new() { Value = (object?)batch.BufferId ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid },
                    Column(refused, NpgsqlDbType.TimestampTz, sample => sample.Ts.UtcDateTime),
                    Column(refused, NpgsqlDbType.Bytea, HashOfValues),
                    Column(refused, NpgsqlDbType.Jsonb, Json),
                    Column(refused, NpgsqlDbType.Bigint, sample => sample.Seq),
                },
            };
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Samples that stand with the same values under another <c>buffer_id</c> or <c>seq</c>.</summary>
    public static async Task AddElsewhereAsync(
        NpgsqlConnection connection, SampleBatch batch, List<SungrowSample> known, CancellationToken cancellationToken)
    {
        known = known.FindAll(sample => sample.Seq is not null);
        if (known.Count == 0 || batch.BufferId is not { } bufferId)
        {
            return; // Without a number there is nothing to balance.
        }

        await using var command = new NpgsqlCommand(AddElsewhere, connection)
        {
            Parameters =
            {
                new() { Value = batch.DeviceId },
                new() { Value = bufferId },
                Column(known, NpgsqlDbType.Bigint, sample => sample.Seq),
                Column(known, NpgsqlDbType.TimestampTz, sample => sample.Ts.UtcDateTime),
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlParameter Column<T>(List<SungrowSample> samples, NpgsqlDbType type, Converter<SungrowSample, T> column) =>
        new() { Value = samples.ConvertAll(column), NpgsqlDbType = NpgsqlDbType.Array | type };

    // Of the values alone: number and interval never make two samples different.
    private static byte[] HashOfValues(SungrowSample sample) =>
        SHA256.HashData(
            JsonSerializer.SerializeToUtf8Bytes(sample with { Seq = null, IntervalS = null }, ProtocolJson.Default.SungrowSample));

    private static string Json(SungrowSample sample) => JsonSerializer.Serialize(sample, ProtocolJson.Default.SungrowSample);
}
