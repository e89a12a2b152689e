namespace Sungrow.Simulator.Faults;

/// <summary>Which faults are switched on: those that were given, and those that a file names for as long as it names them. The file is
/// read again for each request, so what was written before a request holds for it, without a signal and without a race.</summary>
/// <param name="file">One fault a line; empty lines and lines that begin with # say nothing. Null: none. A file that is not there: no
/// faults. A file that cannot be understood: those of before stay.</param>
/// <param name="complain">Told once about each content that cannot be understood.</param>
internal sealed class FaultSwitch(string? file = null, Action<string>? complain = null)
{
    private const int LongestFile = 64 * 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<Fault, DateTimeOffset> _since = [];
    private IReadOnlyList<Fault> _given = [];
    private IReadOnlyList<Fault> _fromFile = [];
    private string? _complaint;

    /// <summary>Switches these on and all others off, those of the file excepted.</summary>
    public void Set(IReadOnlyList<Fault> faults)
    {
        lock (_gate)
        {
            _given = faults;
        }
    }

    /// <summary>As <see cref="Set(IReadOnlyList{Fault})"/>, by what <c>--fault</c> takes.</summary>
    /// <exception cref="FormatException">One of them is no fault.</exception>
    public void Set(params ReadOnlySpan<string> faults)
    {
        var parsed = new List<Fault>();
        foreach (var text in faults)
        {
            parsed.Add(Parsed(text));
        }

        Set(parsed);
    }

    /// <param name="now">Simulated time.</param>
    /// <param name="zone">Where the inverter hangs.</param>
    public FaultSet At(DateTimeOffset now, TimeZoneInfo zone)
    {
        lock (_gate)
        {
            ReadFile();
            Fault[] on = [.. _given, .. _fromFile];
            foreach (var off in _since.Keys.Except(on).ToArray())
            {
                _since.Remove(off);
            }

            if (on.Length == 0)
            {
                return FaultSet.None;
            }

            foreach (var fault in on)
            {
                _since.TryAdd(fault, now);
            }

            var local = TimeZoneInfo.ConvertTime(now, zone);
            return new FaultSet(on.Where(fault => fault.Window?.Holds(local) ?? true).Select(fault => (fault, _since[fault])));
        }
    }

    private static Fault Parsed(string text) => Fault.TryParse(text, out var fault, out var allowed)
        ? fault!
        : throw new FormatException($"'{text}' is not allowed; allowed is {allowed}.");

    private void ReadFile()
    {
        if (file is null)
        {
            return;
        }

        try
        {
            _fromFile = File.Exists(file) ? Parse(Content(file)) : [];
            _complaint = null;
        }
        catch (Exception problem) when (problem is FormatException or IOException or UnauthorizedAccessException)
        {
            // A file that is being written may be read half: what was on stays on until it can be understood again.
            if (_complaint != problem.Message)
            {
                _complaint = problem.Message;
                complain?.Invoke($"--fault-file {file}: {problem.Message}");
            }
        }
    }

    private static string Content(string file) =>
        new FileInfo(file).Length <= LongestFile
            ? File.ReadAllText(file)
            : throw new IOException($"Longer than the {LongestFile} bytes that are allowed.");

    private static List<Fault> Parse(string content)
    {
        var faults = new List<Fault>();
        foreach (var line in content.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!line.StartsWith('#'))
            {
                faults.Add(Parsed(line));
            }
        }

        return faults;
    }
}
