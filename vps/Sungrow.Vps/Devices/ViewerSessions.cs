using System.Buffers.Text;
using System.Security.Cryptography;
using Npgsql;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Devices;

/// <summary>Sessions of the dashboard: a random id in a cookie, its digest here, and the digest of the viewer token that it was traded
/// for. A session is worth what its token is worth now: it ends with it.</summary>
internal sealed class ViewerSessions(Database database)
{
    public static readonly TimeSpan Life = TimeSpan.FromDays(30);

    private const int IdBytes = 32;
    private const int MostPerToken = 100;
    private const int MostEndedAtOnce = 1_000;

    /// <returns>The id, which only the browser keeps.</returns>
    public async Task<string> BeginAsync(byte[] tokenDigest, CancellationToken cancellationToken)
    {
        var id = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(IdBytes));
        await using var connection = await database.ConnectAsync(cancellationToken);
        // A batch outside a transaction is one by itself.
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new("INSERT INTO viewer_sessions (digest, token_digest, expires_at) VALUES ($1, $2, now() + $3)")
                {
                    Parameters = { new() { Value = Tokens.Digest(id) }, new() { Value = tokenDigest }, new() { Value = Life } },
                },
                // Whoever signs in tidies up: what has ended, and all but the newest of this token.
                new(
                    $"""
                    DELETE FROM viewer_sessions WHERE digest IN (
                        SELECT digest FROM viewer_sessions WHERE expires_at <= now() LIMIT {MostEndedAtOnce} FOR UPDATE SKIP LOCKED)
                    """),
                new(
                    $"""
                    DELETE FROM viewer_sessions WHERE digest IN (
                        SELECT digest FROM viewer_sessions WHERE token_digest = $1 ORDER BY created_at DESC OFFSET {MostPerToken})
                    """)
                {
                    Parameters = { new() { Value = tokenDigest } },
                },
            },
        };
        await batch.ExecuteNonQueryAsync(cancellationToken);
        return id;
    }

    /// <param name="ofEnvironment">The devices of a token of the environment.</param>
    /// <returns>Null where there is no such session, or its token is no longer good.</returns>
    public async Task<GoodViewer?> FindAsync(
        byte[] digest, Func<byte[], IReadOnlySet<string>?> ofEnvironment, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            """
            SELECT sessions.token_digest, tokens.digest IS NOT NULL,
                   array(SELECT device_id FROM viewer_token_devices WHERE viewer_token_devices.digest = sessions.token_digest),
                   coalesce(tokens.fleet, false), sessions.expires_at, least(sessions.expires_at, tokens.not_after)
            FROM viewer_sessions AS sessions
            LEFT JOIN viewer_tokens AS tokens ON tokens.digest = sessions.token_digest
                AND tokens.not_before <= now() AND (tokens.not_after IS NULL OR tokens.not_after > now())
            WHERE sessions.digest = $1 AND sessions.expires_at > now()
            """,
            connection)
        {
            Parameters = { new() { Value = digest } },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        if (!await row.ReadAsync(cancellationToken))
        {
            return null;
        }

        return ofEnvironment(row.GetFieldValue<byte[]>(0)) is { } devices ? new(new(devices), row.GetFieldValue<DateTimeOffset>(4))
            : row.GetBoolean(1) ? new(
                new(row.GetFieldValue<string[]>(2).ToHashSet(StringComparer.Ordinal), row.GetBoolean(3)),
                row.GetFieldValue<DateTimeOffset>(5))
            : null;
    }

    public async Task EndAsync(byte[] digest, CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var command = new NpgsqlCommand("DELETE FROM viewer_sessions WHERE digest = $1", connection)
        {
            Parameters = { new() { Value = digest } },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
