using System.Reflection;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Commands;

/// <summary>The real program. Whatever it says, it says no secret and shows no stack trace.</summary>
internal static class EdgeProgram
{
    public const string Secret = "hunter2-is-no-secret-any-more";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static string Path { get; } = typeof(EdgeProgram).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(metadata => metadata.Key == "EdgeProgram").Value!;

    /// <summary>Settings that are right: an inverter and a VPS that are not there, and a buffer in <paramref name="folder"/>.</summary>
    public static Dictionary<string, string?> Settings(TempFolder folder) => new()
    {
        ["Inverter__Host"] = "127.0.0.1",
        ["Inverter__Port"] = $"{FreePort.Next()}",
        ["Polling__Interval"] = "00:00:02",
        ["Buffer__Path"] = folder.File("buffer.db"),
        ["Uplink__Url"] = $"http://127.0.0.1:{FreePort.Next()}",
        ["Uplink__Token"] = Secret,
    };

    public static ProgramProcess Start(IReadOnlyDictionary<string, string?> settings, params string[] arguments) =>
        StartAt(Path, settings, null, arguments);

    public static ProgramProcess StartAt(
        string program, IReadOnlyDictionary<string, string?> settings, string? workingDirectory, params string[] arguments) =>
        ProgramProcess.Start("dotnet", [program, .. arguments], settings, workingDirectory);

    /// <summary>Waits for the program's end.</summary>
    public static async Task<Ended> EndAsync(this ProgramProcess program)
    {
        var exitCode = await program.ExitCodeAsync(cancellationToken: Cancelled);
        Assert.DoesNotContain(Secret, program.Output);
        Assert.DoesNotContain("   at ", program.Output);
        Assert.DoesNotContain("Exception", program.Output);
        return new(exitCode, program.Lines);
    }

    public static async Task<Ended> RunAsync(IReadOnlyDictionary<string, string?> settings, params string[] arguments)
    {
        await using var program = Start(settings, arguments);
        return await program.EndAsync();
    }

    internal sealed record Ended(int ExitCode, IReadOnlyList<string> Lines)
    {
        /// <summary>Refused with this exit code and one line only.</summary>
        public string Refusal(int exitCode)
        {
            Assert.Equal(exitCode, ExitCode);
            var line = Assert.Single(Lines);
            Assert.StartsWith("sungrow-edge: ", line, StringComparison.Ordinal);
            return line["sungrow-edge: ".Length..];
        }
    }
}
