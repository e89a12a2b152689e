using Microsoft.Extensions.Options;
using Npgsql;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

internal enum TimescaleMode
{
    /// <summary>With TimescaleDB where the server has it; on plain PostgreSQL everything works the same, without chunks and
    /// compression.</summary>
    Auto,

    /// <summary>No start without the extension.</summary>
    Required,
}

internal sealed class StorageOptions
{
    public const string Section = "Storage";

    /// <summary><c>DATABASE_URL</c>; see <see cref="Storage.DatabaseUrl"/>. Holds a password: never shown.</summary>
    public string DatabaseUrl { get; set; } = "";

    public TimescaleMode Timescale { get; set; } = TimescaleMode.Auto;

    /// <summary>How long raw samples are kept; zero: for ever. An older sample is refused.</summary>
    public TimeSpan RawRetention { get; set; } = TimeSpan.FromDays(1826);

    /// <summary>Chunks older than this are compressed. Longer than a usual outage, as late rows cost more there.</summary>
    public TimeSpan CompressAfter { get; set; } = TimeSpan.FromDays(30);

    /// <summary><c>BATCH_SIZE</c>: rows that small requests fill one transaction with at most. A larger request goes alone.</summary>
    public int BatchSize { get; set; } = ProtocolLimits.MaxSamples;

    /// <summary><c>FLUSH_INTERVAL_MS</c>: how long the first request of a transaction waits for company; zero: what waits by the time a
    /// connection is free goes at once.</summary>
    public int FlushIntervalMs { get; set; }

    /// <summary>Rows that may wait for the database, or be on their way to it; more are refused.</summary>
    public int WriteQueueRows { get; set; } = 100_000;

    /// <summary>The times accepted at <paramref name="now"/>.</summary>
    public SampleWindow Window(DateTimeOffset now) => SampleWindow.At(now, RawRetention == TimeSpan.Zero ? null : RawRetention);
}

internal sealed class StorageOptionsValidator : IValidateOptions<StorageOptions>
{
    private static readonly TimeSpan Shortest = TimeSpan.FromDays(1);
    private static readonly TimeSpan Longest = TimeSpan.FromDays(36_500);
    private const int LongestFlushIntervalMs = 10_000; // An edge waits 30 s.
    private const int MostQueuedRows = 10_000_000;

    public ValidateOptionsResult Validate(string? name, StorageOptions options)
    {
        List<string> wrong = [];
        if (!DatabaseUrl.TryParse(options.DatabaseUrl, out _, out var what))
        {
            wrong.Add(Settings.WrongSecret(StorageOptions.Section, nameof(options.DatabaseUrl), what, DatabaseUrl.Form));
        }

        if (!Enum.IsDefined(options.Timescale))
        {
            wrong.Add(Settings.Wrong(StorageOptions.Section, nameof(options.Timescale), options.Timescale, "Auto or Required"));
        }

        if (options.RawRetention != TimeSpan.Zero
            && (options.RawRetention < RefreshPolicy.LeastRawRetention || options.RawRetention > Longest))
        {
            wrong.Add(Settings.Wrong(
                StorageOptions.Section, nameof(options.RawRetention), options.RawRetention,
                $"{RefreshPolicy.LeastRawRetention} .. 36500.00:00:00, or 0 for ever: figures need their samples that long"));
        }

        if (options.CompressAfter < Shortest || options.CompressAfter > Longest)
        {
            wrong.Add(Settings.Wrong(
                StorageOptions.Section, nameof(options.CompressAfter), options.CompressAfter, "1.00:00:00 .. 36500.00:00:00"));
        }

        Check(nameof(options.BatchSize), options.BatchSize, 1, ProtocolLimits.MaxSamples);
        Check(nameof(options.FlushIntervalMs), options.FlushIntervalMs, 0, LongestFlushIntervalMs);
        Check(nameof(options.WriteQueueRows), options.WriteQueueRows, ProtocolLimits.MaxSamples, MostQueuedRows);
        return wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(wrong);

        void Check(string property, int value, int least, int most)
        {
            if (value < least || value > most)
            {
                wrong.Add(Settings.Wrong(StorageOptions.Section, property, value, $"{least} .. {most}"));
            }
        }
    }
}

/// <summary>Reads <c>DATABASE_URL</c>: a URL as hosts and containers hand it out, or Npgsql's own key=value form.</summary>
internal static class DatabaseUrl
{
    public const string Form = "postgres://user:password@host:port/database or Host=..;Database=..;Username=..;Password=..";

    /// <summary>Of a setting that passed validation.</summary>
    public static NpgsqlConnectionStringBuilder Parse(string text) =>
        TryParse(text, out var connection, out var what) ? connection : throw new InvalidOperationException($"The database URL is {what}.");

    /// <param name="what">What is wrong, without a word of the text: it holds a password.</param>
    public static bool TryParse(string text, out NpgsqlConnectionStringBuilder connection, out string what)
    {
        // An edge waits 30 s for an answer: a database that does not answer must be said before that.
        connection = new NpgsqlConnectionStringBuilder
        {
            Timeout = 5,
            CommandTimeout = 15,
            MaxAutoPrepare = 30,
            // With those for samples and for the probe, two replicas and a backup fit into the hundred that PostgreSQL allows.
            MaxPoolSize = 36,
            ApplicationName = "sungrow-vps",
        };
        what = "";
        if (string.IsNullOrWhiteSpace(text))
        {
            what = "not set";
            return false;
        }

        try
        {
            if (text.Contains("://", StringComparison.Ordinal))
            {
                what = ReadUrl(text, connection);
            }
            else
            {
                foreach (var (key, value) in Pairs(text))
                {
                    connection[key] = value;
                }
            }

            // Npgsql looks at some values (ports, host lists) only here.
            what = what.Length > 0 ? what : Missing(connection);
        }
        catch (Exception malformed) when (malformed is ArgumentException or FormatException or OverflowException or InvalidCastException)
        {
            what = "a part of it is unknown or malformed";
        }

        return what.Length == 0;
    }

    // Two connections at least: the start holds its lock on one and migrates on another.
    private static string Missing(NpgsqlConnectionStringBuilder connection) =>
        string.IsNullOrWhiteSpace(connection.Host) ? "names no host"
        : string.IsNullOrWhiteSpace(connection.Database) ? "names no database"
        : connection is { Pooling: true, MaxPoolSize: < 2 } ? "allows less than two connections"
        : "";

    private static string ReadUrl(string text, NpgsqlConnectionStringBuilder connection)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("postgres" or "postgresql"))
        {
            return "not a postgres:// URL";
        }

        connection.Host = url.Host.Trim('[', ']');
        if (url.Port > 0)
        {
            connection.Port = url.Port;
        }

        connection.Database = Uri.UnescapeDataString(url.AbsolutePath.TrimStart('/'));
        var user = url.UserInfo.Split(':', 2);
        if (user[0].Length > 0)
        {
            connection.Username = Uri.UnescapeDataString(user[0]);
        }

        if (user.Length == 2)
        {
            connection.Password = Uri.UnescapeDataString(user[1]);
        }

        foreach (var pair in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = pair.Split('=', 2);
            connection[Keyword(Uri.UnescapeDataString(parts[0]))] = Uri.UnescapeDataString(parts.ElementAtOrDefault(1) ?? "");
        }

        return "";
    }

    // libpq's names, which such URLs carry.
    private static string Keyword(string parameter) => parameter switch
    {
        "sslmode" => "SSL Mode",
        "sslrootcert" => "Root Certificate",
        "application_name" => "Application Name",
        "connect_timeout" => "Timeout",
        _ => parameter,
    };

    private static IEnumerable<(string Key, object Value)> Pairs(string text)
    {
        var pairs = new System.Data.Common.DbConnectionStringBuilder { ConnectionString = text };
        foreach (string key in pairs.Keys)
        {
            yield return (key, pairs[key]);
        }
    }
}
