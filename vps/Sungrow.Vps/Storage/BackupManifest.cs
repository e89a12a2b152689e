using System.Globalization;
using System.Numerics;
using System.Text.Json.Serialization;
using Npgsql;

namespace Sungrow.Vps.Storage;

/// <summary>What a backup must hold, taken in the snapshot that is dumped: a restore is held against it.</summary>
/// <param name="Timescale">The extension's version; null: none. Only the same version can take the dump.</param>
/// <param name="Bytes">Of the dump.</param>
/// <param name="Sha256">Of the dump, in hexadecimal.</param>
internal sealed record BackupManifest(
    DateTimeOffset MadeAt, string Version, string Database, string Postgres, string? Timescale, long Bytes, string Sha256,
    IReadOnlyList<BackupTable> Tables)
{
    [JsonIgnore]
    public long Rows => Tables.Sum(table => table.Rows);
}

/// <param name="Checksum">Over all values of all rows, whatever their order.</param>
internal sealed record BackupTable(string Name, long Rows, string Checksum);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(BackupManifest))]
internal sealed partial class BackupJson : JsonSerializerContext;

/// <summary>Counts and sums up every table of ours, in the transaction of its connection.</summary>
internal static class BackupTables
{
    // A hypertable is one table: its chunks, and what else belongs to an extension, are not ours.
    private const string Ours =
        """
        SELECT format('%I.%I', space.nspname, tables.relname)
        FROM pg_class AS tables JOIN pg_namespace AS space ON space.oid = tables.relnamespace
        WHERE tables.relkind IN ('r', 'p') AND NOT tables.relispartition
          AND space.nspname !~ '^(pg_|_?timescaledb|information_schema$)'
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = tables.oid AND deptype = 'e')
        ORDER BY 1
        """;

    public static async Task<IReadOnlyList<string>> NamesAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Ours, connection);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        List<string> names = [];
        while (await row.ReadAsync(cancellationToken))
        {
            names.Add(row.GetString(0));
        }

        return names;
    }

    public static async Task<IReadOnlyList<BackupTable>> SumUpAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // The text of a value must not hang on whose session it is.
        await using (var form = new NpgsqlCommand(
            "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'iso_8601'; "
            + "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL search_path = public",
            connection))
        {
            await form.ExecuteNonQueryAsync(cancellationToken);
        }

        List<BackupTable> tables = [];
        foreach (var name in await NamesAsync(connection, cancellationToken))
        {
            // md5 is the same in every version of PostgreSQL; a sum knows no order.
            await using var command = new NpgsqlCommand(
                $"SELECT count(*), coalesce(sum(('x' || left(md5(one::text), 16))::bit(64)::bigint::numeric), 0)::text FROM {name} AS one",
                connection)
            {
                CommandTimeout = 0,
            };
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            await row.ReadAsync(cancellationToken);
            var sum = BigInteger.Parse(row.GetString(1), CultureInfo.InvariantCulture) & ulong.MaxValue;
            tables.Add(new(name, row.GetInt64(0), ((ulong)sum).ToString("x16")));
        }

        return tables;
    }
}
