using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Devices;

/// <summary>A viewer whose token or session is good.</summary>
/// <param name="NotAfter">When it ends; null: it does not.</param>
internal sealed record GoodViewer(AuthenticatedViewer Viewer, DateTimeOffset? NotAfter);

/// <summary>What the registry said of a token or a session, so that not every request of a page asks the database who it is. Kept only
/// while this replica hears of changes (see <see cref="Invalidations"/>), and no longer than the devices' entries: who is revoked or has
/// signed out is out everywhere at once, and without Redis every request asks. Any change of any viewer empties it, as they are
/// rare; so does an entry more than it holds.</summary>
internal sealed class ViewerAuthCache(IOptions<DevicesOptions> options, TimeProvider time)
{
    private readonly TimeSpan _timeToLive = TimeSpan.FromSeconds(options.Value.AuthCacheTtlSeconds);
    private readonly Lock _lock = new();
    // Half a SHA-256 is key enough; the whole is compared.
    private readonly Dictionary<UInt128, Entry> _entries = [];
    private bool _hears;
    private long _version;

    public AuthenticatedViewer? Get(byte[] digest)
    {
        lock (_lock)
        {
            return _entries.TryGetValue(Key(digest), out var entry)
                && time.GetElapsedTime(entry.Since) < _timeToLive
                && (entry.Good.NotAfter is null || entry.Good.NotAfter > time.GetUtcNow())
                && CryptographicOperations.FixedTimeEquals(entry.Digest, digest)
                    ? entry.Good.Viewer
                    : null;
        }
    }

    /// <summary>After a miss: asks the registry. What was asked before a change is not kept.</summary>
    public async ValueTask<AuthenticatedViewer?> AskAsync(byte[] digest, Func<Task<GoodViewer?>> ask)
    {
        var version = Interlocked.Read(ref _version);
        var found = await ask();
        lock (_lock)
        {
            if (found is not null && _hears && _version == version)
            {
                if (_entries.Count >= options.Value.AuthCacheMaxSize)
                {
                    _entries.Clear();
                }

                _entries[Key(digest)] = new(digest, found, time.GetTimestamp());
            }
        }

        return found?.Viewer;
    }

    /// <summary>A viewer has changed, or a device that viewers see.</summary>
    public void Invalidate()
    {
        lock (_lock)
        {
            _version++;
            _entries.Clear();
        }
    }

    /// <param name="hears">Whether changes are heard from here on; all before may have been missed.</param>
    public void Begin(bool hears)
    {
        lock (_lock)
        {
            _hears = hears;
            Invalidate();
        }
    }

    private static UInt128 Key(ReadOnlySpan<byte> digest) => BinaryPrimitives.ReadUInt128LittleEndian(digest);

    private sealed record Entry(byte[] Digest, GoodViewer Good, long Since);
}
