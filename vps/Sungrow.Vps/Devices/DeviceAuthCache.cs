using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Devices;

/// <summary>What the registry said of one device: who it is, and the tokens that it may show.</summary>
internal sealed record RegisteredDevice(AuthenticatedDevice Device, GoodToken[] Tokens)
{
    /// <summary>Every token is compared, and each in fixed time.</summary>
    public bool Accepts(ReadOnlySpan<byte> digest, DateTimeOffset now)
    {
        var accepted = false;
        foreach (var token in Tokens)
        {
            accepted |= CryptographicOperations.FixedTimeEquals(token.Digest, digest) && (token.NotAfter is null || token.NotAfter > now);
        }

        return accepted;
    }
}

/// <param name="Digest">SHA-256 of the token.</param>
/// <param name="NotAfter">When it ends, to the moment and not to the cache's time to live.</param>
internal readonly record struct GoodToken(byte[] Digest, DateTimeOffset? NotAfter);

/// <param name="Size">Devices held.</param>
internal readonly record struct AuthCacheStats(long Hits, long Misses, int Size);

/// <summary>What the registry said of a device, for a minute: no request of a known device asks the database who it is. Keyed by (tenant,
/// device), with an index by the digests of its tokens; bounded: when full, the oldest tenth makes room. What the registry does not know is
/// not remembered.
/// Invariants, under the lock: every entry stands once in <c>_entries</c> and once in <c>_byAge</c>, oldest first; the index points to
/// entries that are there.</summary>
internal sealed class DeviceAuthCache(IOptions<DevicesOptions> options, TimeProvider time)
{
    private readonly TimeSpan _timeToLive = TimeSpan.FromSeconds(options.Value.AuthCacheTtlSeconds);
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Tenant, string DeviceId), LinkedListNode<Entry>> _entries = [];
    // Half a SHA-256 is key enough; Accepts compares the whole.
    private readonly Dictionary<UInt128, LinkedListNode<Entry>> _byDigest = [];
    private readonly LinkedList<Entry> _byAge = [];
    private readonly ConcurrentDictionary<(string Who, long Version), Lazy<Task<RegisteredDevice?>>> _lookUps = new();
    private long _hits;
    private long _misses;
    private long _version;

    public AuthCacheStats Stats
    {
        get
        {
            lock (_lock)
            {
                return new(_hits, _misses, _entries.Count);
            }
        }
    }

    /// <summary>By a token that is good now.</summary>
    public RegisteredDevice? Get(ReadOnlySpan<byte> digest)
    {
        lock (_lock)
        {
            return Count(Find(digest));
        }
    }

    public RegisteredDevice? Get(string tenant, string deviceId)
    {
        lock (_lock)
        {
            return Count(Find(tenant, deviceId));
        }
    }

    public void Put(RegisteredDevice device)
    {
        lock (_lock)
        {
            PutLocked(device);
        }
    }

    /// <summary>The device is looked up anew, whichever of its tokens comes; a look-up that is under way is not believed
    /// either.</summary>
    public void Invalidate(string tenant, string deviceId)
    {
        lock (_lock)
        {
            _version++;
            if (_entries.TryGetValue((tenant, deviceId), out var node))
            {
                Remove(node);
            }
        }
    }

    /// <summary>After a time in which invalidations may have been missed.</summary>
    public void InvalidateAll()
    {
        lock (_lock)
        {
            _version++;
            _entries.Clear();
            _byDigest.Clear();
            _byAge.Clear();
        }
    }

    /// <summary>After a miss: asks the registry, once for all who miss at the same time.</summary>
    public Task<RegisteredDevice?> AskAsync(byte[] digest, Func<Task<RegisteredDevice?>> ask, CancellationToken cancellationToken) =>
        AskOnceAsync(Convert.ToHexString(digest), () => Find(digest), ask, cancellationToken);

    /// <summary>By name, also after a hit that does not accept <paramref name="digest"/>: the token may be younger than the
    /// entry.</summary>
    public Task<RegisteredDevice?> AskAsync(
        string tenant, string deviceId, byte[]? digest, Func<Task<RegisteredDevice?>> ask, CancellationToken cancellationToken) =>
        AskOnceAsync(
            $"{tenant}/{deviceId}/{(digest is null ? "" : Convert.ToHexString(digest))}",
            () => Find(tenant, deviceId) is { } fresh && (digest is null || fresh.Accepts(digest, time.GetUtcNow())) ? fresh : null,
            ask,
            cancellationToken);

    private async Task<RegisteredDevice?> AskOnceAsync(
        string who, Func<RegisteredDevice?> find, Func<Task<RegisteredDevice?>> ask, CancellationToken cancellationToken)
    {
        // By version too: whoever comes after an invalidation does not join those who asked before it.
        var flight = (who, Interlocked.Read(ref _version));
        var lookUp = _lookUps.GetOrAdd(flight, static (flight, work) => new(() => work(flight)), AskAsync);
        return await lookUp.Value.WaitAsync(cancellationToken);

        // Without anybody's token: who leaves does not end it for the others. The database's own time-outs bound it.
        async Task<RegisteredDevice?> AskAsync((string Who, long Version) started)
        {
            try
            {
                lock (_lock)
                {
                    if (find() is { } meanwhile)
                    {
                        return meanwhile;
                    }
                }

                var found = await ask();
                lock (_lock)
                {
                    if (found is not null && _version == started.Version)
                    {
                        PutLocked(found);
                    }
                }

                return found;
            }
            finally
            {
                _lookUps.TryRemove(started, out _);
            }
        }
    }

    private RegisteredDevice? Count(RegisteredDevice? found)
    {
        _ = found is null ? _misses++ : _hits++;
        return found;
    }

    private RegisteredDevice? Find(ReadOnlySpan<byte> digest) =>
        _byDigest.TryGetValue(Key(digest), out var node) && IsFresh(node) && node.Value.Device.Accepts(digest, time.GetUtcNow())
            ? node.Value.Device
            : null;

    private RegisteredDevice? Find(string tenant, string deviceId) =>
        _entries.TryGetValue((tenant, deviceId), out var node) && IsFresh(node) ? node.Value.Device : null;

    private bool IsFresh(LinkedListNode<Entry> node)
    {
        if (time.GetElapsedTime(node.Value.Since) < _timeToLive)
        {
            return true;
        }

        Remove(node);
        return false;
    }

    private void PutLocked(RegisteredDevice device)
    {
        var key = (device.Device.Tenant, device.Device.DeviceId);
        if (_entries.TryGetValue(key, out var old))
        {
            Remove(old);
        }
        else if (_entries.Count >= options.Value.AuthCacheMaxSize)
        {
            for (var spare = Math.Max(1, _entries.Count / 10); spare > 0; spare--)
            {
                Remove(_byAge.First!);
            }
        }

        var node = _byAge.AddLast(new Entry(device, time.GetTimestamp()));
        _entries[key] = node;
        foreach (var token in device.Tokens)
        {
            _byDigest[Key(token.Digest)] = node;
        }
    }

    private void Remove(LinkedListNode<Entry> node)
    {
        var device = node.Value.Device;
        _byAge.Remove(node);
        _entries.Remove((device.Device.Tenant, device.Device.DeviceId));
        foreach (var token in device.Tokens)
        {
            // Unless the token has become another device's meanwhile.
            if (_byDigest.TryGetValue(Key(token.Digest), out var indexed) && indexed == node)
            {
                _byDigest.Remove(Key(token.Digest));
            }
        }
    }

    private static UInt128 Key(ReadOnlySpan<byte> digest) => BinaryPrimitives.ReadUInt128LittleEndian(digest);

    private readonly record struct Entry(RegisteredDevice Device, long Since);
}
