using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Sungrow.Vps.Storage.Commands;

/// <summary><c>sungrow-vps restore --from FILE</c>: the backup goes into a database beside the one in use, is held against its manifest
/// there, and only then takes its name. Until that moment servers serve what was; after it they find themselves on the restored one.</summary>
internal static class RestoreCommand
{
    // What was acknowledged since the backup is asked for with each edge's next report: as after a silence, and without waiting for the
    // hour of an earlier search.
    private const string AskTheEdges =
        "UPDATE buffer_balance SET reported_at = reported_at - interval '1 hour', searched_at = NULL, asked = 0";

    private const int Attempts = 60;

    public static Command Create()
    {
        var from = new Option<string>("--from") { Description = "The file that 'backup' wrote; its manifest lies beside it.", Required = true };
        var replace = new Option<bool>("--replace")
        {
            Description = "The database in use is not empty: put the backup in its place, and keep it under another name.",
        };
        return Admin.Verb(
            "restore", "Put a backup in the place of the database.",
            session => RestoreAsync(session, Path.GetFullPath(session.Word(from)!), session.Word(replace)), from, replace);
    }

    private static async Task RestoreAsync(AdminSession session, string file, bool replace)
    {
        var manifest = await ReadAsync(file, session.CancellationToken);
        var isEmpty = (await BackupTables.NamesAsync(session.Connection, session.CancellationToken)).Count == 0;
        var name = session.Connection.Database;
        if (!isEmpty && !replace)
        {
            throw new RefusedException($"The database {name} is not empty; with --replace the backup takes its place, and it is kept beside.");
        }

        await CheckTimescaleAsync(session, manifest);
        var url = DatabaseUrl.Parse(session.Service<IOptions<StorageOptions>>().Value.DatabaseUrl);
        url.Pooling = false;
        var client = await PostgresClient.FindAsync(url, session.Connection.PostgreSqlVersion.Major, session.CancellationToken);
        var stamp = session.Service<TimeProvider>().GetUtcNow().ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        var restored = $"{name}_restoring_{stamp}";
        await CreateDatabaseAsync(session, restored);
        try
        {
            url.Database = restored;
            await FillAsync(client.Of(restored), url, file, manifest, session.CancellationToken);
        }
        catch
        {
            await session.ExecuteAsync($"DROP DATABASE {Quoted(restored)} WITH (FORCE)");
            throw;
        }

        var before = $"{name}_before_{stamp}";
        await session.Connection.CloseAsync(); // Of the database that is renamed now.
        url.Database = name == "postgres" ? "template1" : "postgres";
        await using var beside = new NpgsqlConnection(url.ConnectionString);
        await beside.OpenAsync(session.CancellationToken);
        await SwapAsync(beside, name, before, restored);
        if (isEmpty)
        {
            await ExecuteAsync(beside, $"DROP DATABASE {Quoted(before)} WITH (FORCE)", CancellationToken.None);
        }

        session.Say(manifest, BackupJson.Default.BackupManifest, done => Console.WriteLine(
            $"Restored {done.Rows} rows of {done.Tables.Count} tables, as they were at {AdminSession.Time(done.MadeAt)}; every table is as the manifest says. "
            + (isEmpty ? "" : $"What was there is the database {before}: drop it when all is well. ")
            + "The edges are asked for what came since, with their next reports."));
    }

    private static async Task CreateDatabaseAsync(AdminSession session, string name)
    {
        try
        {
            await session.ExecuteAsync($"CREATE DATABASE {Quoted(name)} TEMPLATE template0 ENCODING 'UTF8'");
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new RefusedException("The database's user may not create databases, which a restore does: ALTER ROLE .. CREATEDB, as a superuser.");
        }
    }

    private static async Task<BackupManifest> ReadAsync(string file, CancellationToken cancellationToken)
    {
        try
        {
            var text = await File.ReadAllTextAsync(BackupCommand.ManifestOf(file), cancellationToken);
            var manifest = JsonSerializer.Deserialize(text, BackupJson.Default.BackupManifest)!;
            return new FileInfo(file).Length == manifest.Bytes && await BackupCommand.DigestAsync(file, cancellationToken) == manifest.Sha256
                ? manifest
                : throw new RefusedException($"{file} is not the file its manifest speaks of: it is damaged, cut off, or another one.");
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new RefusedException($"{file} and its manifest cannot be read: {unreadable.Message}");
        }
    }

    private static async Task CheckTimescaleAsync(AdminSession session, BackupManifest manifest)
    {
        if (manifest.Timescale is not { } needed)
        {
            return;
        }

        var offered = await session.QueryAsync(
            "SELECT version FROM pg_available_extension_versions WHERE name = 'timescaledb'", row => row.GetString(0));
        if (!offered.Contains(needed))
        {
            throw new RefusedException(
                $"The backup is of TimescaleDB {needed}, which this server has not"
                + $" ({(offered.Count == 0 ? "it has none" : string.Join(", ", offered))}): restore it there, and update the extension afterwards.");
        }
    }

    private static async Task FillAsync(
        PostgresClient client, NpgsqlConnectionStringBuilder url, string file, BackupManifest manifest, CancellationToken cancellationToken)
    {
        var database = url.ConnectionString;
        if (manifest.Timescale is { } version)
        {
            await InSessionAsync(database, $"CREATE EXTENSION timescaledb VERSION {Literal(version)}", cancellationToken);
            await InSessionAsync(database, "SELECT timescaledb_pre_restore()", cancellationToken);
        }

        await client.RunAsync(
            "pg_restore",
            ["--no-owner", "--no-privileges", "--exit-on-error", $"--dbname={url.Database}", file],
            cancellationToken);
        if (manifest.Timescale is not null)
        {
            await InSessionAsync(database, "SELECT timescaledb_post_restore()", cancellationToken);
        }

        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var tables = await BackupTables.SumUpAsync(connection, cancellationToken);
        if (manifest.Tables.Except(tables).ToList() is { Count: > 0 } differing)
        {
            throw new RefusedException(
                $"Restored, these tables are not as the manifest says, so the backup is not used: {string.Join(", ", differing.Select(table => table.Name))}.");
        }

        if (tables.Any(table => table.Name == "public.buffer_balance"))
        {
            await ExecuteAsync(connection, AskTheEdges, cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Once begun it is ended: between the two names nobody finds a database.</summary>
    private static async Task SwapAsync(NpgsqlConnection beside, string name, string before, string restored)
    {
        try
        {
            foreach (var database in new[] { name, restored })
            {
                // A database in use cannot be renamed, and a server that was put out would be back at once.
                await ExecuteAsync(beside, $"ALTER DATABASE {Quoted(database)} ALLOW_CONNECTIONS false", CancellationToken.None);
                await PutOutAsync(beside, database);
            }

            await ExecuteAsync(
                beside,
                $"BEGIN; ALTER DATABASE {Quoted(name)} RENAME TO {Quoted(before)}; "
                + $"ALTER DATABASE {Quoted(restored)} RENAME TO {Quoted(name)}; COMMIT",
                CancellationToken.None);
        }
        finally
        {
            foreach (var database in await ClosedAsync(beside, [name, before, restored]))
            {
                await ExecuteAsync(beside, $"ALTER DATABASE {Quoted(database)} ALLOW_CONNECTIONS true", CancellationToken.None);
            }
        }
    }

    private static async Task<string[]> ClosedAsync(NpgsqlConnection beside, string[] databases)
    {
        await using var command = new NpgsqlCommand(
            "SELECT array_agg(datname::text) FROM pg_database WHERE NOT datallowconn AND datname = ANY ($1)", beside);
        command.Parameters.Add(new() { Value = databases });
        return await command.ExecuteScalarAsync() as string[] ?? [];
    }

    private static async Task PutOutAsync(NpgsqlConnection beside, string database)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            await using var command = new NpgsqlCommand(
                "SELECT count(pg_terminate_backend(pid, 1000)) FROM pg_stat_activity WHERE datname = $1", beside);
            command.Parameters.Add(new() { Value = database });
            if (await command.ExecuteScalarAsync() is 0L)
            {
                return;
            }
        }

        throw new RefusedException($"The database {database} is in use by somebody who does not let go, so nothing was changed.");
    }

    private static async Task InSessionAsync(string database, string sql, CancellationToken cancellationToken)
    {
        // The extension is loaded with a session's first statement: each of these needs one of its own.
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync(cancellationToken);
        await ExecuteAsync(connection, sql, cancellationToken);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static string Quoted(string name) => "\"" + name.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    private static string Literal(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";
}
