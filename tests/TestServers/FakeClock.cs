using System.Globalization;

namespace Sungrow.TestServers;

/// <summary>Another wall clock for one program: libfaketime, told by a file that it reads at each look. Time since boot stays true, as it
/// does when a machine's clock is set.</summary>
public sealed class FakeClock
{
    private static readonly string? Library = Directory.Exists("/usr/lib")
        ? Directory.EnumerateDirectories("/usr/lib")
            .Select(folder => Path.Combine(folder, "faketime", "libfaketime.so.1"))
            .FirstOrDefault(File.Exists)
        : null;

    private readonly string _file;

    private FakeClock(string file) => _file = file;

    /// <summary>What a program needs in its environment to live by this clock.</summary>
    public IReadOnlyDictionary<string, string?> Environment => new Dictionary<string, string?>
    {
        ["LD_PRELOAD"] = Library,
        ["FAKETIME_TIMESTAMP_FILE"] = _file,
        ["FAKETIME_NO_CACHE"] = "1",
        ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
    };

    /// <summary>Null where libfaketime is not installed.</summary>
    /// <param name="file">Where to keep what the clock is off by.</param>
    public static FakeClock? Create(string file)
    {
        if (Library is null)
        {
            return null;
        }

        FakeClock clock = new(file);
        clock.Set(TimeSpan.Zero);
        return clock;
    }

    /// <summary>Steps the clock: from now on it is this far ahead.</summary>
    public void Set(TimeSpan ahead)
    {
        // Renamed into place, so that no look finds half of it.
        File.WriteAllText(_file + ".new", ahead.TotalSeconds.ToString("+0;-0;+0", CultureInfo.InvariantCulture) + "\n");
        File.Move(_file + ".new", _file, overwrite: true);
    }
}
