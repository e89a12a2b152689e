using Sungrow.Edge.Buffer;
using Sungrow.Edge.Tests.Commands;
using Sungrow.Edge.Tests.Inverter;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Faults;

/// <summary>The real program against an inverter gone mad, by the clock on the wall: what stands in the buffer afterwards was served, all
/// of a row in one poll. SUNGROW_CHAOS_SECONDS says for how long.</summary>
public class StoredChaosTests(ITestOutputHelper output)
{
    private const int MainStart = 12999;

    private static readonly TimeSpan Chaotic = TimeSpan.FromSeconds(
        int.TryParse(Environment.GetEnvironmentVariable("SUNGROW_CHAOS_SECONDS"), out var seconds) ? seconds : 20);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = 3_600_000)]
    public async Task The_buffer_holds_no_value_that_was_not_served_in_one_poll()
    {
        using var folder = new TempFolder();
        await using var server = new RegisterServer(Numbered(1));
        var chaos = Chaos.Script(server, seed: 1, silence: () => { });
        var (number, isChaotic) = (0, true);
        server.Script = (client, request) =>
        {
            if (Frames.Start(request) == MainStart)
            {
                server.Words = Numbered(++number);
            }

            return isChaotic ? chaos(client, request) : Task.FromResult(false);
        };
        var settings = EdgeProgram.Settings(folder);
        settings["Inverter__Port"] = $"{server.Port}";
        settings["Inverter__RequestTimeout"] = "00:00:02";
        settings["Polling__Interval"] = "00:00:01";
        settings["Clock__Trust"] = "Always";

        await using var program = EdgeProgram.Start(settings);
        await program.LineAsync("Buffer ", cancellationToken: Token);
        await Task.Delay(Chaotic, TimeProvider.System, Token);
        isChaotic = false;
        var (polls, connections, recovered) = (number, server.Connections, TimeProvider.System.GetUtcNow());
        await Until.TrueAsync(() => number >= polls + 4, cancellationToken: Token);
        program.Terminate();
        Assert.Equal(0, (await program.EndAsync()).ExitCode);

        var rows = Rows(folder.File("buffer.db"));
        var numbers = rows.Select(row => NumberOf(row.Metrics)).OfType<double>().ToList();
        Assert.Equal(numbers.Order().Distinct(), numbers);
        Assert.InRange(rows.Count, 1, number - 1);

        // The poll under way when the chaos ends may still fail; the one after it connects anew and is whole.
        Assert.InRange(server.Connections - connections, 0, 2);
        var first = rows.First(row => row.Ts > recovered && NumberOf(row.Metrics) is not null);
        output.WriteLine($"{Chaotic}: {polls} polls reached MAIN over {connections} connections, {rows.Count} rows; "
            + $"the first after the recovery {(first.Ts - recovered).TotalSeconds:0.0} s later");
    }

    // Every power of a poll is the poll's number: one that is left over from another gives itself away.
    private static Words Numbered(int number)
    {
        var watts = (ushort)number;
        return Words.Sh10Rt().Set32(5016, watts).Set32(5213, watts).Set32(13007, watts).Set32(13009, watts).Set(13021, watts);
    }

    private static double? NumberOf(BufferedMetrics metrics)
    {
        Assert.True(
            metrics is { PvDailyKwh: null or 36.1, BatterySocPercent: null or 95.5, BatteryTemperatureCelsius: null or 31 }, $"{metrics}");
        var numbers = new[] { metrics.PvPowerWatts, metrics.BatteryPowerWatts, metrics.LoadPowerWatts, metrics.ExportPowerWatts }
            .OfType<double>().Distinct().ToList();
        Assert.True(numbers.Count <= 1, $"{metrics}");
        return numbers.Count == 1 ? numbers[0] : null;
    }

    private static IReadOnlyList<BufferedSample> Rows(string path)
    {
        using var buffer = SampleBuffer.Open(path, "after");
        return buffer.Peek(100_000)?.Samples ?? [];
    }
}
