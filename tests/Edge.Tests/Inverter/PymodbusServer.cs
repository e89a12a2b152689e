using System.Diagnostics;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

/// <summary>pymodbus's server in a process of its own. Debian: python3-pymodbus, which imports python3-serial-asyncio but only recommends
/// it.</summary>
internal sealed class PymodbusServer : IAsyncDisposable
{
    public const string Python = "/usr/bin/python3";

    private readonly Process _process;

    private PymodbusServer(Process process, int port)
    {
        _process = process;
        Port = port;
    }

    public int Port { get; }

    /// <param name="inverter">Whose words it holds: <c>sh10rt</c> or <c>sh20t</c>.</param>
    public static async Task<PymodbusServer> StartAsync(string inverter, CancellationToken cancellationToken)
    {
        await RequireAsync("pymodbus.server.async_io", cancellationToken);
        var process = Start(Python, Path.Combine(SourceFolder(), "pymodbus_server.py"), inverter);
        var line = await process.StandardOutput.ReadLineAsync(cancellationToken);
        return int.TryParse(line, out var port)
            ? new(process, port)
            : throw new InvalidOperationException(await process.StandardError.ReadToEndAsync(cancellationToken));
    }

    /// <summary>Skips the test where a module of pymodbus cannot be imported, except on CI, which always has it.</summary>
    public static async Task RequireAsync(string module, CancellationToken cancellationToken)
    {
        if (!File.Exists(Python) || await RunsAsync(Start(Python, "-c", $"import {module}"), cancellationToken) != 0)
        {
            const string missing = "python3-pymodbus and python3-serial-asyncio are not both installed";
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", missing);
            Assert.Fail(missing);
        }
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
