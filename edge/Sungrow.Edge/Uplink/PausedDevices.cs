using System.Collections.Concurrent;

namespace Sungrow.Edge.Uplink;

/// <summary>Devices whose samples the server does not take from this token. Both lanes leave them alone for a while; the others go on.
/// By the clock that no setting changes.</summary>
internal sealed class PausedDevices(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, (long Since, TimeSpan For)> _paused = new(StringComparer.Ordinal);

    public void Pause(string deviceId, TimeSpan span) => _paused[deviceId] = (time.GetTimestamp(), span);

    public bool IsPaused(string deviceId) =>
        _paused.TryGetValue(deviceId, out var pause) && time.GetElapsedTime(pause.Since) < pause.For;
}
