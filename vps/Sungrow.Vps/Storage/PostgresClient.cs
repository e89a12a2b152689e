using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;

namespace Sungrow.Vps.Storage;

/// <summary>PostgreSQL's own programs, of the server's major version or newer: an older one cannot read it.</summary>
internal sealed partial class PostgresClient
{
    // Debian and Ubuntu keep several versions here.
    private const string Versions = "/usr/lib/postgresql";

    private readonly string? _folder;
    private readonly NpgsqlConnectionStringBuilder _connection;

    private PostgresClient(string? folder, NpgsqlConnectionStringBuilder connection)
    {
        _folder = folder;
        _connection = connection;
    }

    /// <exception cref="RefusedException">There is none that can read this server.</exception>
    public static async Task<PostgresClient> FindAsync(
        NpgsqlConnectionStringBuilder connection, int major, CancellationToken cancellationToken)
    {
        var folders = (Directory.Exists(Versions) ? Directory.GetDirectories(Versions) : [])
            .Where(folder => int.TryParse(Path.GetFileName(folder), out var version) && version >= major)
            .OrderBy(folder => int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture))
            .Select(folder => Path.Combine(folder, "bin"))
            .Where(bin => File.Exists(Path.Combine(bin, "pg_dump")) && File.Exists(Path.Combine(bin, "pg_restore")));
        if (folders.FirstOrDefault() is { } found)
        {
            return new(found, connection);
        }

        var client = new PostgresClient(null, connection);
        try
        {
            var version = Number().Match(await client.RunAsync("pg_dump", ["--version"], cancellationToken));
            if (version.Success && int.Parse(version.Value, CultureInfo.InvariantCulture) >= major)
            {
                return client;
            }
        }
        catch (Win32Exception)
        {
            // None in the path.
        }

        throw new RefusedException($"Here is no pg_dump of PostgreSQL {major} or newer, as this server needs: install postgresql-client-{major}.");
    }

    /// <summary>The same client for another database of the server.</summary>
    public PostgresClient Of(string database) =>
        new(_folder, new NpgsqlConnectionStringBuilder(_connection.ConnectionString) { Database = database });

    /// <returns>What it wrote to standard output.</returns>
    /// <exception cref="RefusedException">It failed; holds what it said.</exception>
    public async Task<string> RunAsync(string program, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(_folder is null ? program : Path.Combine(_folder, program), arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Environment())
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        try
        {
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0
                ? output
                : throw new RefusedException($"{program} failed: {Shortened(await error)}");
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }

    // libpq reads these; on the command line everybody on the machine would read the password.
    private IEnumerable<(string Name, string? Value)> Environment()
    {
        yield return ("PGHOST", _connection.Host);
        yield return ("PGPORT", $"{_connection.Port}");
        yield return ("PGDATABASE", _connection.Database);
        yield return ("PGUSER", _connection.Username);
        yield return ("PGAPPNAME", "sungrow-vps");
        if (_connection.Password is { Length: > 0 } password)
        {
            yield return ("PGPASSWORD", password);
        }

        yield return ("PGSSLMODE", _connection.SslMode switch
        {
            SslMode.VerifyCA => "verify-ca",
            SslMode.VerifyFull => "verify-full",
            var mode => $"{mode}".ToLowerInvariant(),
        });
        if (_connection.RootCertificate is { Length: > 0 } root)
        {
            yield return ("PGSSLROOTCERT", root);
        }
    }

    private static string Shortened(string error) => string.Join("; ", error.Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeLast(3));

    [GeneratedRegex(@"\d+", RegexOptions.None, 1000)]
    private static partial Regex Number();
}
