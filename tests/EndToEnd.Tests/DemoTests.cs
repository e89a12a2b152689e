using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests;

public class DemoTests
{
    private static readonly TimeSpan WithItsBuild = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData("--seconds", "25")]
    [InlineData("--fleet", "--seconds", "25")] // And only if the second VPS has the same samples.
    public Task The_demo_stores_every_sample_it_polled_and_leaves_nothing_behind(params string[] arguments) =>
        RunAsync(arguments, async demo =>
        {
            Assert.True(await demo.ExitCodeAsync(WithItsBuild, TestContext.Current.CancellationToken) == 0, demo.Output);

            // Not "the last line": what it says on the way goes to standard error, and may be read after its answer.
            Assert.Matches(
                @"^polled=([1-9]\d*) stored=\1 waiting=0$", demo.Lines.Single(line => line.Contains(" stored=", StringComparison.Ordinal)));
        });

    [Fact]
    public Task Who_stops_it_again_and_again_leaves_nothing_behind() =>
        RunAsync([], async demo =>
        {
            var cancelled = TestContext.Current.CancellationToken;
            await demo.LineAsync("Polling every", WithItsBuild, cancelled);

            await Until.TrueAsync(
                () =>
                {
                    demo.Terminate();
                    return demo.HasExited;
                },
                TimeSpan.FromMinutes(1), cancelled);

            Assert.Equal(143, await demo.ExitCodeAsync(cancellationToken: cancelled));
        });

    [Theory]
    [InlineData("--seconds", "0")]
    [InlineData("--seconds", "soon")]
    [InlineData("--minutes", "1")]
    public async Task A_wrong_option_ends_in_a_sentence(params string[] arguments)
    {
        await using var demo = ProgramProcess.Start(Path.Combine(Programs.Root, "demo.sh"), arguments);

        Assert.Equal(1, await demo.ExitCodeAsync(cancellationToken: TestContext.Current.CancellationToken));
        Assert.StartsWith("demo.sh: ", demo.Lines[^1], StringComparison.Ordinal);
    }

    /// <summary>In a folder of its own, in which nothing may be left at its end.</summary>
    private static async Task RunAsync(string[] arguments, Func<ProgramProcess, Task> followAsync)
    {
        // Open to others, which CreateTempSubdirectory is not: its PostgreSQL may run as another user.
        var scratch = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"sungrow-demo-test-{Guid.NewGuid():N}")).FullName;
        try
        {
            await using var demo = ProgramProcess.Start(
                Path.Combine(Programs.Root, "demo.sh"), arguments, new Dictionary<string, string?> { ["TMPDIR"] = scratch });

            await followAsync(demo);

            Assert.Empty(Directory.GetFileSystemEntries(scratch, "sungrow-demo.*"));
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }
}
