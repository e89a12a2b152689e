namespace Sungrow.Edge.Inverter;

/// <summary>Which blocks an inverter is not asked for. Pure: time comes as an argument.
/// "Illegal data address" rests a block until the next connection, and a second time, then also across connections, for a day. A block
/// that lets the session time out connection after connection, while others answer, rests for a day as well: a bad register fails at the
/// same place every time, a bad network does not. Silence once, or a reset, says nothing about a block.</summary>
internal sealed class BlockMemory
{
    private const int Refusals = 2;
    private const int Silences = 3;

    private static readonly TimeSpan Rest = TimeSpan.FromDays(1);

    private readonly Dictionary<RegisterBlock, Entry> _entries = [];
    private string? _serial;

    /// <summary>A connection begins. Another inverter has other blocks.</summary>
    public void Connected(string serial)
    {
        if (serial != _serial)
        {
            _entries.Clear();
            _serial = serial;
        }

        foreach (var (block, entry) in _entries.Where(known => known.Value is { Refusals: < Refusals, Silences: < Silences }).ToList())
        {
            _entries[block] = entry with { Until = null };
        }
    }

    /// <param name="uptime">Time that no clock setting moves.</param>
    public bool ShouldAsk(RegisterBlock block, TimeSpan uptime) => !_entries.TryGetValue(block, out var entry) || !(uptime < entry.Until);

    public void Answered(RegisterBlock block) => _entries.Remove(block);

    public void Refused(RegisterBlock block, TimeSpan uptime)
    {
        var entry = _entries.GetValueOrDefault(block);
        _entries[block] = new(entry.Refusals + 1, 0, uptime + Rest);
    }

    public void TimedOut(RegisterBlock block, TimeSpan uptime)
    {
        var silences = _entries.GetValueOrDefault(block).Silences + 1;
        _entries[block] = new(0, silences, silences >= Silences ? uptime + Rest : null);
    }

    private readonly record struct Entry(int Refusals, int Silences, TimeSpan? Until);
}
