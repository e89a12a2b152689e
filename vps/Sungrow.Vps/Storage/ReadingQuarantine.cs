using System.Text.Json;
using System.Text.Json.Serialization;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>A reading of a Shelly device whose values are no numbers.</summary>
/// <param name="Text">The channel's status as it came.</param>
internal sealed record RefusedReading(string DeviceId, int Channel, DateTimeOffset Timestamp, string Text)
{
    /// <summary>Bytes of it that are kept: a status has some 300.</summary>
    public const int MaxText = 1024;
}

/// <summary>As quarantine keeps it.</summary>
internal sealed record QuarantinedReading(int Channel, string Text);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(QuarantinedReading))]
internal sealed partial class ReadingQuarantineJson : JsonSerializerContext;

/// <summary>Refused readings in quarantine: in the transaction that stores the others of their batch. Bounded like telemetry, per device.</summary>
internal static class ReadingQuarantine
{
    private const string Add =
        """
        INSERT INTO quarantine (device_id, ts, code, payload_hash, payload)
        SELECT refused.device_id, ts, $5, payload_hash, payload
        FROM unnest($1, $2, $3, $4) AS refused (device_id, ts, payload_hash, payload)
        JOIN (SELECT device_id FROM (SELECT DISTINCT unnest($1) AS device_id) AS sender
              WHERE (SELECT count(*) FROM (SELECT FROM quarantine AS kept WHERE kept.device_id = sender.device_id AND kept.code = $5
                                           AND kept.code <> 'CONFLICTING_SAMPLE' LIMIT $6) AS few) < $6) AS below
          ON below.device_id = refused.device_id
        ORDER BY refused.device_id, ts, payload_hash
        ON CONFLICT (device_id, ts, code, payload_hash) DO NOTHING
        """;

    private const string Bound =
        """
        UPDATE quarantine SET payload = NULL WHERE id IN (
            SELECT id FROM (
                SELECT id, row_number() OVER (PARTITION BY device_id ORDER BY id DESC) AS place
                FROM quarantine WHERE device_id = ANY($1) AND code = $2 AND payload IS NOT NULL) AS kept
            WHERE place > $3)
        """;

    public static async Task AddAsync(NpgsqlConnection connection, List<RefusedReading> refused, CancellationToken cancellationToken)
    {
        var payloads = refused.ConvertAll(reading => JsonSerializer.Serialize(
            new QuarantinedReading(reading.Channel, reading.Text), ReadingQuarantineJson.Default.QuarantinedReading));
        await using var add = new NpgsqlCommand(Add, connection)
        {
            Parameters =
            {
                new() { Value = refused.ConvertAll(reading => reading.DeviceId), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
                new()
                {
                    Value = refused.ConvertAll(reading => reading.Timestamp.UtcDateTime),
                    NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
                },
                new()
                {
                    Value = payloads.ConvertAll(payload => Quarantine.HashOf(ErrorCodes.InvalidReading, payload)),
                    NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea,
                },
                new() { Value = payloads, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb },
                new() { Value = ErrorCodes.InvalidReading },
                new() { Value = Quarantine.MostTelemetryKeys },
            },
        };
        if (await add.ExecuteNonQueryAsync(cancellationToken) == 0)
        {
            return;
        }

        await using var bound = new NpgsqlCommand(Bound, connection)
        {
            Parameters =
            {
                new() { Value = refused.Select(reading => reading.DeviceId).Distinct().ToArray() },
                new() { Value = ErrorCodes.InvalidReading },
                new() { Value = Quarantine.MostTelemetryPayloads },
            },
        };
        await bound.ExecuteNonQueryAsync(cancellationToken);
    }
}
