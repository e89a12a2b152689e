using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>Telemetry as quarantine keeps it: the body as it came, so that it can be tried again.</summary>
internal sealed record QuarantinedTelemetry(string Tenant, string Type, string Body)
{
    /// <summary>What would have been stored, as it could be sent again.</summary>
    public static QuarantinedTelemetry Of(TelemetryRecord record) =>
        new(
            record.Tenant, record.Type,
            $$"""
            {"site_id":"{{JsonEncodedText.Encode(record.SiteId)}}","ts":"{{Rfc3339.Write(record.Ts)}}","metrics":{{record.Metrics}}}
            """);
}

/// <param name="Ts">Null where it named none.</param>
internal sealed record RefusedTelemetry(string DeviceId, DateTimeOffset? Ts, string Code, QuarantinedTelemetry Payload);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(QuarantinedTelemetry))]
internal sealed partial class QuarantineJson : JsonSerializerContext;

/// <summary>What the server answers for without having stored it: conflicts with their values, rows whose sample is here under another
/// number, refused telemetry of those who are authenticated. In the transaction that counts them, so that the balance of a buffer closes.
/// Bounded per device and code: over the bound the oldest payloads go, their keys and so their number stay.</summary>
internal static class Quarantine
{
    /// <summary>A day of an edge that reads every ten seconds: what a restored buffer sends again is here to be compared.</summary>
    public const int MostSamplePayloads = 10_000;

    /// <summary>Enough to see what is wrong with a device; at 64 kB each it is 64 MB.</summary>
    public const int MostTelemetryPayloads = 1_000;

    /// <summary>No balance needs the keys of telemetry, so they end too.</summary>
    public const int MostTelemetryKeys = 10_000;

    // To Npgsql this is -infinity: before all that is.
    private static readonly DateTime NoTime = DateTime.SpecifyKind(DateTime.MinValue, DateTimeKind.Utc);

    private const string Bound =
        """
        UPDATE quarantine SET payload = NULL WHERE id IN (
            SELECT id FROM quarantine WHERE device_id = $1 AND code = $2 AND payload IS NOT NULL ORDER BY id DESC OFFSET $3)
        """;

    private const string AddTelemetry =
        """
        INSERT INTO quarantine (device_id, ts, code, payload_hash, payload)
        SELECT $1, $3, $2, $4, $5
        WHERE (SELECT count(*) FROM (
                   SELECT FROM quarantine WHERE device_id = $1 AND code = $2 AND code <> 'CONFLICTING_SAMPLE' LIMIT $6) AS kept) < $6
        ON CONFLICT (device_id, ts, code, payload_hash) DO NOTHING
        """;

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

        await BoundAsync(connection, batch.DeviceId, ErrorCodes.ConflictingSample, MostSamplePayloads, cancellationToken);

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

    /// <summary>Telemetry of an authenticated sender that was not stored; each distinct body is kept once.</summary>
    public static async Task AddTelemetryAsync(
        NpgsqlConnection connection, RefusedTelemetry refused, CancellationToken cancellationToken)
    {
        var payload = JsonSerializer.Serialize(refused.Payload, QuarantineJson.Default.QuarantinedTelemetry);
        await using var command = new NpgsqlCommand(AddTelemetry, connection)
        {
            Parameters =
            {
                new() { Value = refused.DeviceId },
                new() { Value = refused.Code },
                new() { Value = refused.Ts?.UtcDateTime ?? NoTime, NpgsqlDbType = NpgsqlDbType.TimestampTz },
                new() { Value = HashOf(refused.Code, payload) },
                new() { Value = payload, NpgsqlDbType = NpgsqlDbType.Jsonb },
                new() { Value = MostTelemetryKeys },
            },
        };
        if (await command.ExecuteNonQueryAsync(cancellationToken) > 0)
        {
            await BoundAsync(connection, refused.DeviceId, refused.Code, MostTelemetryPayloads, cancellationToken);
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

    private static async Task BoundAsync(
        NpgsqlConnection connection, string deviceId, string code, int most, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Bound, connection)
        {
            Parameters = { new() { Value = deviceId }, new() { Value = code }, new() { Value = most } },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlParameter Column<T>(List<SungrowSample> samples, NpgsqlDbType type, Converter<SungrowSample, T> column) =>
        new() { Value = samples.ConvertAll(column), NpgsqlDbType = NpgsqlDbType.Array | type };

    /// <summary>What tells two payloads of one key and code apart.</summary>
    public static byte[] HashOf(string code, string payload) =>
        code == ErrorCodes.ConflictingSample
            ? HashOfValues(JsonSerializer.Deserialize(payload, ProtocolJson.Default.SungrowSample)!)
            : SHA256.HashData(Encoding.UTF8.GetBytes(payload));

    // Of the values alone: number and interval never make two samples different.
    private static byte[] HashOfValues(SungrowSample sample) =>
        SHA256.HashData(
            JsonSerializer.SerializeToUtf8Bytes(sample with { Seq = null, IntervalS = null }, ProtocolJson.Default.SungrowSample));

    public static string Json(SungrowSample sample) => JsonSerializer.Serialize(sample, ProtocolJson.Default.SungrowSample);
}
