using System.Diagnostics;

namespace Sungrow.TestServers;

/// <summary>A started program: its output by lines, its signals, its exit code. It never outlives the test process.</summary>
public sealed class ProgramProcess : IAsyncDisposable
{
    // A program that talks without end must not fill the memory of the test.
    private const int MaxLines = 20_000;

    private readonly Process _process;
    private readonly Queue<string> _lines = [];
    private readonly Lock _lock = new();
    private bool _disposed;

    private ProgramProcess(Process process) => _process = process;

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Of its memory, what is in RAM now.</summary>
    public long ResidentBytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>Standard output and standard error, as they came; the last 20,000 lines.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lock)
            {
                return [.. _lines];
            }
        }
    }

    public string Output => string.Join('\n', Lines);

    /// <param name="environment">Added to this process's own; null removes a variable.</param>
    public static ProgramProcess Start(
        string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null,
        string? workingDirectory = null)
    {
        ProcessStartInfo start = new(file, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingDirectory ?? Path.GetTempPath(),
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }

        Process process = new() { StartInfo = start, EnableRaisingEvents = true };
        ProgramProcess program = new(process);
        process.OutputDataReceived += (_, line) => program.Add(line.Data);
        process.ErrorDataReceived += (_, line) => program.Add(line.Data);
        process.Start();
        var pid = process.Id;
        LastWill.Watch(pid);
        process.Exited += (_, _) => LastWill.Forget(pid);
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return program;
    }

    /// <summary>Starts one of our programs, for example <c>sungrow-vps</c>, as it lies beside the test's own assembly.</summary>
    public static ProgramProcess StartOurs(
        string assembly, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null,
        string? workingDirectory = null)
    {
        var path = Path.Combine(AppContext.BaseDirectory, assembly + ".dll");
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"{path} is not there: does the test project reference {assembly}'s project?");
        }

        return Start("dotnet", [path, .. arguments], environment, workingDirectory);
    }

    /// <summary>The first line, also of those that have already come, that holds <paramref name="text"/>.</summary>
    /// <exception cref="TimeoutException">With the output so far; also when the program ended without it.</exception>
    public async Task<string> LineAsync(string text, TimeSpan? deadline = null, CancellationToken cancellationToken = default)
    {
        string? Find() => Lines.FirstOrDefault(line => line.Contains(text, StringComparison.Ordinal));

        try
        {
            await Until.TrueAsync(() => Find() is not null || HasExited, deadline, cancellationToken);
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException($"No line with '{text}' in time:\n{Output}", late);
        }

        if (Find() is null)
        {
            await ExitCodeAsync(deadline, cancellationToken); // The rest of its output.
        }

        return Find() ?? throw new TimeoutException($"No line with '{text}' before the program ended:\n{Output}");
    }

    public void Terminate() => Signal(Signals.Terminate);

    public void Kill() => Signal(Signals.Kill);

    /// <summary>Returns when the process has really stopped.</summary>
    public async Task FreezeAsync(CancellationToken cancellationToken = default)
    {
        Signal(Signals.Stop);
        await Until.TrueAsync(() => HasExited || Signals.IsStopped(Id), cancellationToken: cancellationToken);
    }

    public void Thaw() => Signal(Signals.Continue);

    /// <summary>Waits for the end; 128 + n after signal n.</summary>
    public async Task<int> ExitCodeAsync(TimeSpan? deadline = null, CancellationToken cancellationToken = default)
    {
        await Until.TrueAsync(() => HasExited, deadline, cancellationToken, $"{_process.StartInfo.FileName} has ended");
        await _process.WaitForExitAsync(cancellationToken); // The rest of its output.
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return; // Whoever started it may end it before the whole it belongs to ends.
        }

        Kill();
        await ExitCodeAsync();
        _process.Dispose();
    }

    internal void Signal(int signal)
    {
        if (!HasExited)
        {
            Signals.Send(Id, signal);
        }
    }

    private void Add(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_lock)
        {
            _lines.Enqueue(line);
            if (_lines.Count > MaxLines)
            {
                _lines.Dequeue();
            }
        }
    }
}
