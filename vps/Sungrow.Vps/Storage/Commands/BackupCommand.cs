using System.CommandLine;
using System.Data;
using System.Reflection;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Storage.Commands;

/// <summary><c>sungrow-vps backup --to FILE</c>: one snapshot of the whole database beside running servers, and FILE.manifest.json, which
/// says what it must hold.</summary>
internal static class BackupCommand
{
    public static Command Create()
    {
        var to = new Option<string>("--to") { Description = "The file to write; FILE.manifest.json comes beside it.", Required = true };
        return Admin.Verb("backup", "Write a checked backup of the database.", session => BackUpAsync(session, session.Word(to)!), to);
    }

    public static string ManifestOf(string file) => file + ".manifest.json";

    public static async Task<string> DigestAsync(string file, CancellationToken cancellationToken)
    {
        await using var dump = File.OpenRead(file);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(dump, cancellationToken));
    }

    private static async Task BackUpAsync(AdminSession session, string file)
    {
        file = Path.GetFullPath(file);
        foreach (var taken in new[] { file, ManifestOf(file) }.Where(Path.Exists))
        {
            throw new RefusedException($"{taken} is there already; a backup replaces none.");
        }

        var partial = file + ".partial";
        try
        {
            var manifest = await DumpAsync(session, partial);
            await File.WriteAllTextAsync(
                ManifestOf(file), JsonSerializer.Serialize(manifest, BackupJson.Default.BackupManifest), session.CancellationToken);
            File.Move(partial, file);
            session.Say(manifest, BackupJson.Default.BackupManifest, made => Console.WriteLine(
                $"Backed up {made.Rows} rows of {made.Tables.Count} tables ({made.Bytes} bytes) to {file}. "
                + $"It is checked against {Path.GetFileName(ManifestOf(file))}: keep both, and not on this machine alone."));
        }
        catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException)
        {
            throw new RefusedException($"{file} cannot be written: {unwritable.Message}");
        }
        finally
        {
            File.Delete(partial);
        }
    }

    private static async Task<BackupManifest> DumpAsync(AdminSession session, string file)
    {
        var cancellationToken = session.CancellationToken;
        var url = DatabaseUrl.Parse(session.Service<IOptions<StorageOptions>>().Value.DatabaseUrl);
        var client = await PostgresClient.FindAsync(url, session.Connection.PostgreSqlVersion.Major, cancellationToken);
        // Its snapshot is the dump's too, and the sums': whatever is written meanwhile is in none of them.
        await using var transaction = await session.Connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
        var snapshot = (await session.QueryAsync("SELECT pg_export_snapshot()", row => row.GetString(0)))[0];
        await using (File.Create(file))
        {
            // Before the work: a folder that cannot be written to is said at once.
        }

        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite); // It holds every digest of a token.
        }

        await client.RunAsync(
            "pg_dump", ["--format=custom", "--no-owner", "--no-privileges", $"--snapshot={snapshot}", $"--file={file}"], cancellationToken);
        var tables = await BackupTables.SumUpAsync(session.Connection, cancellationToken);
        var timescale = await session.QueryAsync(
            "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'", row => row.GetString(0));
        var contents = await client.RunAsync("pg_restore", ["--list", file], cancellationToken);
        foreach (var table in tables)
        {
            if (contents.Contains($" TABLE {table.Name.Replace('.', ' ').Replace("\"", "", StringComparison.Ordinal)} ", StringComparison.Ordinal))
            {
                continue;
            }

            throw new RefusedException($"The dump lacks the table {table.Name}, so it is no backup.");
        }

        return new BackupManifest(
            session.Service<TimeProvider>().GetUtcNow(),
            Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion,
            session.Connection.Database,
            session.Connection.PostgreSqlVersion.ToString(),
            timescale.FirstOrDefault(),
            new FileInfo(file).Length,
            await DigestAsync(file, cancellationToken),
            tables);
    }
}
