using System.Globalization;
using System.Text;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Shelly;

/// <summary><c>power_logs</c>: of each device, channel and minute the first reading. One batch, one transaction: its devices and loads are
/// known, its loads show their newest reading, its readings are stored, those that are no numbers are in quarantine.</summary>
internal sealed class PowerLogs(Database database, IOptions<StorageOptions> storage, TimeProvider time)
{
    private const string AddDevices =
        "INSERT INTO load_devices (device_id) SELECT * FROM unnest($1) ON CONFLICT (device_id) DO NOTHING";

    // What lies after all that is known of its load can hardly be there.
    private const string CountKnown =
        """
        SELECT count(*) FROM unnest($1, $2, $3) AS sent (device_id, channel, since) JOIN loads USING (device_id, channel)
        WHERE loads.ts >= since
        """;

    // Before the readings: whoever else writes one of these loads waits here until this transaction ends, also where there is nothing newer
    // to show. So no two ever insert one key at once. What lies ahead of the clock was never now: anything takes its place.
    private const string ShowNewest =
        """
        INSERT INTO loads (device_id, channel, power_w, ts) SELECT * FROM unnest($1, $2, $3, $4)
        ON CONFLICT (device_id, channel) DO UPDATE SET power_w = excluded.power_w, ts = excluded.ts
        WHERE excluded.ts >= loads.ts OR loads.ts > $5
        """;

    public const string Columns =
        "(device_id, channel, power, voltage, current, \"timestamp\", minute, idempotency_key)";

    // The index is a partial one: without its condition PostgreSQL would not find it.
    private const string OncePerKey = "ON CONFLICT (idempotency_key, minute) WHERE idempotency_key IS NOT NULL DO NOTHING";

    private const string Insert =
        $"INSERT INTO power_logs {Columns} SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) {OncePerKey}";

    // A COPY is twice as fast; the first reading that is there fails it as a whole, and then the insert does it.
    private const int LeastCopied = 50;

    // Where a chunk may be compressed: what meets its twin there unpacks 1,000 rows around it, and at 100,000 in one transaction TimescaleDB
    // gives up. So each looks first, by all that compressed rows are found by. A scalar, as a join would unpack the chunk as a whole.
    private static readonly CompositeFormat InsertLate = CompositeFormat.Parse(
        $$"""
        INSERT INTO power_logs {{Columns}}
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS sent (device_id, channel, power, voltage, current, at, minute, key)
        WHERE (SELECT true FROM power_logs AS stored
               WHERE stored.device_id = sent.device_id AND stored.channel = sent.channel AND stored.minute = sent.minute
                 AND stored.idempotency_key = sent.key AND stored.minute BETWEEN TIMESTAMPTZ '{0}' AND TIMESTAMPTZ '{1}' LIMIT 1) IS NULL
        {{OncePerKey}}
        """);

    /// <returns>How many readings were new, and how many of their minutes were there already.</returns>
    public async Task<(int Inserted, int Duplicates)> WriteAsync(ShellyBatch batch, CancellationToken cancellationToken)
    {
        var readings = batch.Readings;
        readings.Sort(Reading.Compare);
        var firsts = OnePer(readings, (one, other) => one.Minute != other.Minute, newest: false);
        var inserted = 0;
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (firsts.Count > 0)
        {
            inserted = await AddAsync(connection, transaction, firsts, readings, cancellationToken);
            await RefreshLaterAsync(connection, inserted == 0 ? [] : firsts, cancellationToken);
        }

        if (batch.Refused.Count > 0)
        {
            await ReadingQuarantine.AddAsync(connection, batch.Refused, cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return (inserted, firsts.Count - inserted);
    }

    private async Task<int> AddAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, List<Reading> firsts, List<Reading> readings,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var isLate = IsLate(firsts, now);
        var isNew = await ShowAsync(connection, readings, now, cancellationToken);
        return isNew && !isLate && firsts.Count >= LeastCopied && await TryCopyAsync(connection, transaction, firsts, cancellationToken)
            ? firsts.Count
            : await InsertAsync(connection, firsts, isLate ? Late(firsts) : Insert, cancellationToken);
    }

    /// <summary>Makes devices and loads known, and shows their newest readings. In one round trip.</summary>
    /// <returns>Whether all readings lie after what was known of their loads.</returns>
    private static async Task<bool> ShowAsync(
        NpgsqlConnection connection, List<Reading> readings, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var newest = OnePer(readings, (_, _) => false, newest: true);
        var oldest = OnePer(readings, (_, _) => false, newest: false);
        await using NpgsqlBatch batch = new(connection)
        {
            BatchCommands =
            {
                new(CountKnown)
                {
                    Parameters =
                    {
                        Column(oldest.ConvertAll(reading => reading.DeviceId), NpgsqlDbType.Text),
                        Column(oldest.ConvertAll(reading => reading.Channel), NpgsqlDbType.Integer),
                        Column(oldest.ConvertAll(reading => reading.StartOfMinute), NpgsqlDbType.TimestampTz),
                    },
                },
                new(AddDevices)
                {
                    Parameters = { Column(newest.ConvertAll(reading => reading.DeviceId).Distinct().ToList(), NpgsqlDbType.Text) },
                },
                new(ShowNewest)
                {
                    Parameters =
                    {
                        Column(newest.ConvertAll(reading => reading.DeviceId), NpgsqlDbType.Text),
                        Column(newest.ConvertAll(reading => reading.Channel), NpgsqlDbType.Integer),
                        Column(newest.ConvertAll(reading => reading.PowerW), NpgsqlDbType.Double),
                        Column(newest.ConvertAll(reading => reading.Timestamp.UtcDateTime), NpgsqlDbType.TimestampTz),
                        new() { Value = (now + ProtocolLimits.MaxAhead).UtcDateTime },
                    },
                },
            },
        };
        return await batch.ExecuteScalarAsync(cancellationToken) is 0L;
    }

    /// <returns>False where one of them is there, and none is stored.</returns>
    private static async Task<bool> TryCopyAsync(
        NpgsqlConnection connection, NpgsqlTransaction transaction, List<Reading> readings, CancellationToken cancellationToken)
    {
        await transaction.SaveAsync("readings", cancellationToken);
        try
        {
            await ReadingCopy.WriteAsync(connection, readings, cancellationToken);
            return true;
        }
        catch (PostgresException twice) when (twice.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            await transaction.RollbackAsync("readings", cancellationToken);
            return false;
        }
    }

    private static async Task<int> InsertAsync(
        NpgsqlConnection connection, List<Reading> readings, string sql, CancellationToken cancellationToken)
    {
        await using var insert = new NpgsqlCommand(sql, connection)
        {
            Parameters =
            {
                Column(readings.ConvertAll(reading => reading.DeviceId), NpgsqlDbType.Text),
                Column(readings.ConvertAll(reading => reading.Channel), NpgsqlDbType.Integer),
                Column(readings.ConvertAll(reading => reading.PowerW), NpgsqlDbType.Double),
                Column(readings.ConvertAll(reading => reading.VoltageV), NpgsqlDbType.Double),
                Column(readings.ConvertAll(reading => reading.CurrentA), NpgsqlDbType.Double),
                Column(readings.ConvertAll(reading => reading.Timestamp.UtcDateTime), NpgsqlDbType.TimestampTz),
                Column(readings.ConvertAll(reading => reading.StartOfMinute), NpgsqlDbType.TimestampTz),
                Column(readings.ConvertAll(reading => reading.Key), NpgsqlDbType.Text),
            },
        };
        return await insert.ExecuteNonQueryAsync(cancellationToken);
    }

    // A day each: a device whose clock was never set must not have all the years since 1970 computed anew.
    private async Task RefreshLaterAsync(NpgsqlConnection connection, List<Reading> readings, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var days = readings.FindAll(reading => WritePolicy.IsLate(reading.Timestamp, now)).GroupBy(reading => reading.Timestamp.UtcDateTime.Date)
            .Select(day => (day.Min(reading => reading.Timestamp.UtcDateTime), day.Max(reading => reading.Timestamp.UtcDateTime))).ToList();
        if (days.Count > 0)
        {
            await PendingRefresh.AddLoadsAsync(connection, days, cancellationToken);
        }
    }

    private bool IsLate(List<Reading> readings, DateTimeOffset now) =>
        readings.Exists(reading => reading.Timestamp < now - storage.Value.CompressAfter);

    private static string Late(List<Reading> readings) => string.Format(
        CultureInfo.InvariantCulture, InsertLate,
        Rfc3339.Write(new(readings.Min(reading => reading.StartOfMinute))), Rfc3339.Write(new(readings.Max(reading => reading.StartOfMinute))));

    /// <summary>One reading of each channel, or of each part of it.</summary>
    /// <param name="readings">By device, channel and time.</param>
    private static List<Reading> OnePer(List<Reading> readings, Func<Reading, Reading, bool> isAnotherPart, bool newest)
    {
        List<Reading> kept = new(readings.Count);
        foreach (var reading in readings)
        {
            if (kept.Count == 0 || kept[^1].Channel != reading.Channel || kept[^1].DeviceId != reading.DeviceId
                || isAnotherPart(kept[^1], reading))
            {
                kept.Add(reading);
            }
            else if (newest)
            {
                kept[^1] = reading;
            }
        }

        return kept;
    }

    private static NpgsqlParameter Column<T>(List<T> values, NpgsqlDbType type) =>
        new() { Value = values, NpgsqlDbType = NpgsqlDbType.Array | type };
}
