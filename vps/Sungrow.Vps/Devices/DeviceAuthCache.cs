using System.Collections.Concurrent;
using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Devices;

/// <summary>What the registry said of a token, for a minute: no request of a known device asks the database who it is. Keyed by the
/// token's digest, never by the token. Bounded: when full, the oldest tenth makes room.</summary>
internal sealed class DeviceAuthCache(IOptions<DevicesOptions> options, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, (AuthenticatedDevice Device, long Since)> _entries = new(StringComparer.Ordinal);
    private readonly TimeSpan _timeToLive = TimeSpan.FromSeconds(options.Value.AuthCacheTtlSeconds);

    public int Count => _entries.Count;

    public AuthenticatedDevice? Get(ReadOnlySpan<byte> digest) =>
        _entries.TryGetValue(Key(digest), out var entry) && time.GetElapsedTime(entry.Since) < _timeToLive ? entry.Device : null;

    public void Put(ReadOnlySpan<byte> digest, AuthenticatedDevice device)
    {
        if (_entries.Count >= options.Value.AuthCacheMaxSize)
        {
            EvictOldestTenth();
        }

        _entries[Key(digest)] = (device, time.GetTimestamp());
    }

    /// <summary>Every token of this device is looked up anew.</summary>
    public void Invalidate(string deviceId)
    {
        foreach (var (key, entry) in _entries)
        {
            if (entry.Device.DeviceId == deviceId)
            {
                _entries.TryRemove(key, out _);
            }
        }
    }

    private void EvictOldestTenth()
    {
        var oldest = _entries.OrderBy(entry => entry.Value.Since).Take(Math.Max(1, _entries.Count / 10)).ToArray();
        foreach (var (key, _) in oldest)
        {
            _entries.TryRemove(key, out _);
        }
    }

    private static string Key(ReadOnlySpan<byte> digest) => Convert.ToHexString(digest);
}
