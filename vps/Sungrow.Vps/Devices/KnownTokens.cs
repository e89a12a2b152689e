using System.Buffers.Binary;
using System.Threading.Channels;
using Npgsql;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Devices;

internal enum TokenKind
{
    Device,
    Viewer,
    Session,
    Customer,
}

/// <summary>Which tokens and sessions of the registry are worth a look-up from an address that has failed too often: a good one is let through from
/// there, whoever guesses beside it, and a guess costs nothing. Holds the first 8 bytes of each digest, so a token that is none passes
/// once in 2^64; what it says is no more than "ask".</summary>
internal sealed class KnownTokens(Database database, TimeProvider time) : BackgroundService
{
    // Of tokens; 16 MB or so. The newest count, and an operator with more than this has a tenant map.
    private const int Most = 1_000_000;

    // How long a token that was issued a moment ago can be refused behind a locked address; and the most that guesses cost: one query.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Channel<bool> _wanted =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private HashSet<(TokenKind Kind, ulong Digest)> _known = [];

    /// <summary>Never asks the database; what is not known makes the list be read anew, soon and by somebody else.</summary>
    public bool Contains(TokenKind kind, ReadOnlySpan<byte> digest)
    {
        bool known;
        lock (_lock)
        {
            known = _known.Contains((kind, First(digest)));
        }

        if (!known)
        {
            Refresh();
        }

        return known;
    }

    /// <summary>One that the registry has refused after all: it ended since the list was read.</summary>
    public void Forget(TokenKind kind, ReadOnlySpan<byte> digest)
    {
        lock (_lock)
        {
            _known.Remove((kind, First(digest)));
        }
    }

    public void Refresh() => _wanted.Writer.TryWrite(true);

    /// <summary>At the start, so that no guess comes before the list.</summary>
    public async Task LoadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT kind, digest FROM (
                SELECT 0 AS kind, digest, created_at, not_before, not_after FROM device_tokens
                UNION ALL SELECT 1, digest, created_at, not_before, not_after FROM viewer_tokens
                UNION ALL SELECT 2, digest, created_at, created_at, expires_at FROM viewer_sessions
                UNION ALL SELECT 3, digest, created_at, created_at, NULL FROM fleet.customers WHERE status = 'ACTIVE'
                UNION ALL SELECT 3, old_digest, created_at, created_at, old_not_after FROM fleet.customers
                    WHERE status = 'ACTIVE' AND old_digest IS NOT NULL) AS tokens
            WHERE not_before <= now() AND (not_after IS NULL OR not_after > now())
            ORDER BY created_at DESC LIMIT $1
            """,
            connection);
        command.Parameters.Add(new() { Value = Most });
        HashSet<(TokenKind, ulong)> known = [];
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            known.Add(((TokenKind)row.GetInt32(0), First(row.GetFieldValue<byte[]>(1))));
        }

        lock (_lock)
        {
            _known = known;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (await _wanted.Reader.WaitToReadAsync(stoppingToken))
        {
            _wanted.Reader.TryRead(out _);
            try
            {
                await using var connection = await database.ConnectAsync(stoppingToken);
                await LoadAsync(connection, stoppingToken);
            }
            catch (Exception failure)
                when (failure is not OperationCanceledException && (failure is NpgsqlException || DatabaseErrors.IsUnavailable(failure)))
            {
                database.WarnUnavailable(failure); // The old list serves on; the next who is not on it asks again.
            }

            await Task.Delay(Pause, time, stoppingToken);
        }
    }

    private static ulong First(ReadOnlySpan<byte> digest) => BinaryPrimitives.ReadUInt64LittleEndian(digest);
}
