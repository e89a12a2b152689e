namespace Sungrow.EndToEnd.Tests.Chaos;

public class ChaosTests
{
    [Fact]
    public async Task Whatever_breaks_every_committed_sample_is_in_exactly_one_place()
    {
        // Each fault once; longer and with other seeds as the README says.
        ChaosSettings settings = new(Seed: 1, TimeSpan.FromSeconds(30), new HashSet<Fault>());
        await using StringWriter output = new();
        await using var lines = TextWriter.Synchronized(output);

        var closes = await ChaosRun.RunAsync(settings, lines, TestContext.Current.CancellationToken);

        TestContext.Current.TestOutputHelper!.WriteLine(output.ToString());
        Assert.True(closes, output.ToString());
    }
}
