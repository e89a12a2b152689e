using System.Text.Json;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests;

/// <summary>The past that <c>./demo.sh</c> opens with: from the simulator's samples into the edge's buffer.</summary>
public sealed class ImportTests : IDisposable
{
    private const int PollsOfAnHour = 360;

    private readonly string _folder = Directory.CreateTempSubdirectory("sungrow-import-").FullName;

    private string Csv => Path.Combine(_folder, "past.csv");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Samples_of_the_past_wait_in_the_buffer_like_any_others()
    {
        await WriteAsync();

        var (exitCode, output) = await RunAsync(Programs.Edge, "import", Csv);

        Assert.True(exitCode == 0, output);
        var (_, status) = await RunAsync(Programs.Edge, "status", "--json");
        using var buffer = JsonDocument.Parse(status);
        Assert.Equal(PollsOfAnHour, buffer.RootElement.GetProperty("committed").GetInt32());
        Assert.Equal(PollsOfAnHour, buffer.RootElement.GetProperty("waiting").GetInt32());
        // What was exported can be imported, and is the same.
        var (_, exported) = await RunAsync(Programs.Edge, "export");
        var first = (await File.ReadAllLinesAsync(Csv))[1].Split(',');
        Assert.StartsWith($"1,{first[0]},{first[1][..^1]}", exported.Split('\n')[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("A2240312345,yesterday,1,1,1,1,1,1,1,10", "ts: allowed is RFC 3339")]
    [InlineData("A2240312345,2026-06-01T12:00:00Z,much,1,1,1,1,1,1,10", "pv_power_w: allowed is a number, or nothing")]
    [InlineData("A2240312345,2026-06-01T12:00:00Z,1,1,1,101,1,1,1,10", "battery_soc_pct: OUT_OF_RANGE, allowed is 0 .. 100")]
    [InlineData("A2240312345,2026-06-01T12:00:00Z,,,,,,,,10", "EMPTY_SAMPLE")]
    public async Task A_line_that_is_no_sample_is_named_and_nothing_of_the_file_is_committed(string line, string sentence)
    {
        await WriteAsync();
        await File.AppendAllTextAsync(Csv, line + "\n");

        var (exitCode, output) = await RunAsync(Programs.Edge, "import", Csv);

        Assert.Equal(1, exitCode);
        Assert.Contains($"line {PollsOfAnHour + 2}", output, StringComparison.Ordinal);
        Assert.Contains(sentence, output, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder, "buffer.db")));
    }

    private async Task WriteAsync()
    {
        var (exitCode, samples) = await RunAsync(Programs.Simulator, "samples", "--hours", "1", "--interval", "10");
        Assert.True(exitCode == 0, samples);
        await File.WriteAllTextAsync(Csv, samples + "\n");
        Assert.Equal(PollsOfAnHour + 1, (await File.ReadAllLinesAsync(Csv)).Length);
    }

    private async Task<(int ExitCode, string Output)> RunAsync(string program, params string[] arguments)
    {
        await using var process = ProgramProcess.Start(
            "dotnet", [program, .. arguments], new Dictionary<string, string?> { ["Buffer__Path"] = Path.Combine(_folder, "buffer.db") });
        return (await process.ExitCodeAsync(cancellationToken: TestContext.Current.CancellationToken), process.Output);
    }
}
