using System.Diagnostics;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

/// <summary>pymodbus's server in a process of its own. Debian: python3-pymodbus.</summary>
internal sealed class PymodbusServer : IAsyncDisposable
{
    private readonly Process _process;

    private PymodbusServer(Process process, int port)
    {
        _process = process;
        Port = port;
    }

    public int Port { get; }

    /// <summary>Skips the test where pymodbus is not installed, except on CI, which always has it.</summary>
    /// <param name="inverter">Whose words it holds: <c>sh10rt</c> or <c>sh20t</c>.</param>
    public static async Task<PymodbusServer> StartAsync(string inverter, CancellationToken cancellationToken)
    {
        const string Python = "/usr/bin/python3";
        if (!File.Exists(Python) || await RunsAsync(Start(Python, "-c", "import pymodbus"), cancellationToken) != 0)
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", "python3-pymodbus is not installed");
            Assert.Fail("python3-pymodbus is not installed");
        }

        var process = Start(Python, Path.Combine(SourceFolder(), "pymodbus_server.py"), inverter);
        var line = await process.StandardOutput.ReadLineAsync(cancellationToken);
        return int.TryParse(line, out var port)
            ? new(process, port)
            : throw new InvalidOperationException(await process.StandardError.ReadToEndAsync(cancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static Process Start(string program, params IEnumerable<string> arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;

    private static async Task<int> RunsAsync(Process process, CancellationToken cancellationToken)
    {
        using (process)
        {
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode;
        }
    }

    private static string SourceFolder()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Sungrow.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests run outside their repository.");
        }

        return Path.Combine(folder.FullName, "tests", "Edge.Tests", "Inverter");
    }
}
