using System.Globalization;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Installation;

/// <summary>The units and scripts as they lie in the repository, judged by systemd's and the shell's own tools.</summary>
public sealed class ServiceTests : IDisposable
{
    private const double MostExposure = 2.0;

    private readonly string _folder = LastWill.CreateFolder("sungrow-units-");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => LastWill.RemoveFolder(_folder);

    [Theory]
    [InlineData("sungrow-edge.service")]
    [InlineData("sungrow-edge@.service")]
    public async Task Systemd_finds_nothing_wrong_with_the_unit(string unit)
    {
        // It wants the program to be there, which nothing has installed here.
        var text = await File.ReadAllTextAsync(Source(unit), Cancelled);
        const string Program = "ExecStart=/opt/sungrow-edge/current/sungrow-edge ";
        Assert.Contains(Program, text, StringComparison.Ordinal);
        var copy = Path.Combine(_folder, unit);
        await File.WriteAllTextAsync(copy, text.Replace(Program, "ExecStart=/bin/true ", StringComparison.Ordinal), Cancelled);

        var (code, output) = await RunAsync("systemd-analyze", "verify", "--man=no", copy);

        Assert.True(code == 0 && output.Length == 0, output);
    }

    [Theory]
    [InlineData("sungrow-edge.service")]
    [InlineData("sungrow-edge@.service")]
    public async Task The_unit_is_confined(string unit)
    {
        var (code, output) = await RunAsync("systemd-analyze", "security", "--offline=true", "--no-pager", Source(unit));

        Assert.True(code == 0, output);
        // "→ Overall exposure level for sungrow-edge.service: 1.6 OK"
        var exposure = output.Split('\n')[^1].Split(": ")[^1].Split(' ')[0];
        Assert.InRange(double.Parse(exposure, CultureInfo.InvariantCulture), 0.1, MostExposure);
    }

    /// <summary>What only a service manager shows: without these .NET does not start, or the clock's state cannot be read.</summary>
    [Theory]
    [InlineData("sungrow-edge.service")]
    [InlineData("sungrow-edge@.service")]
    public void What_the_program_needs_is_allowed(string unit)
    {
        var lines = File.ReadLines(Source(unit)).Where(line => line.Length > 0 && line[0] != '#').ToList();

        Assert.DoesNotContain(lines, line => line.StartsWith("MemoryDenyWriteExecute=", StringComparison.Ordinal)
            || line.StartsWith("ProtectClock=", StringComparison.Ordinal) || line.StartsWith("ProcSubset=", StringComparison.Ordinal));
        Assert.Contains("SystemCallErrorNumber=EPERM", lines);
        Assert.Equal("SystemCallFilter=sched_setaffinity adjtimex clock_adjtime", lines.Last(line => line.StartsWith("SystemCallFilter=", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_template_is_the_unit_with_a_name_in_its_paths()
    {
        var one = File.ReadAllLines(Source("sungrow-edge.service"));
        var several = File.ReadAllLines(Source("sungrow-edge@.service"));

        Assert.Equal(
            one.Skip(1).Select(line => line.Replace(" %i", "", StringComparison.Ordinal)),
            several.Skip(1).Select(line => line.Replace("/%i", "", StringComparison.Ordinal).Replace(" %i", "", StringComparison.Ordinal)));
        Assert.Equal(4, several.Count(line => line.Contains("sungrow-edge/%i", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("install.sh")]
    [InlineData("sungrow-edge")]
    public async Task The_shell_finds_nothing_wrong_with_the_script(string script)
    {
        var (code, output) = await RunAsync("shellcheck", Source(script));

        Assert.True(code == 0, output);
    }

    private static string Source(string name) => Path.Combine(Programs.Root, "systemd", name);

    private static async Task<(int Code, string Output)> RunAsync(string program, params string[] arguments)
    {
        if (!Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, program))))
        {
            Missing.Server($"{program} is not installed (Debian: apt-get install {(program == "shellcheck" ? program : "systemd")})");
        }

        await using var process = ProgramProcess.Start(program, arguments);
        return (await process.ExitCodeAsync(cancellationToken: Cancelled), process.Output);
    }
}
