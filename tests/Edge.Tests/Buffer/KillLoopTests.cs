using System.Diagnostics;
using Sungrow.Edge.Buffer;
using Xunit;

namespace Sungrow.Edge.Tests.Buffer;

public sealed class KillLoopTests : IDisposable
{
    private const int Lanes = 2;
    private const int RoundsEach = 150;

    private readonly TempFolder _folder = new(inMemory: true);

    [Fact]
    public async Task After_each_of_300_kills_the_committed_steps_hold_and_the_account_closes()
    {
        var ends = await Task.WhenAll(Enumerable.Range(1, Lanes).Select(lane => Task.Run(() => KillAgainAndAgainAsync(lane))));

        // Each kind of step was among those that were killed.
        Assert.All(ends, end => Assert.True(
            end is { Acknowledged: > 0, DeadLettered: > 0, Evicted: > 0, Waiting: > 0 }, $"{end}"));
    }

    public void Dispose() => _folder.Dispose();

    private async Task<BufferState> KillAgainAndAgainAsync(int lane)
    {
        var path = _folder.File($"{lane}.db");
        Random random = new(lane);
        (long Appended, long Sent) promised = (0, 0);
        BufferState state = null!;
        for (var round = 0; round < RoundsEach; round++)
        {
            promised = await ChurnUntilKilledAsync(path, random.Next(), random.Next(1, 120), promised);
            using var buffer = SampleBuffer.Open(path, "boot", Churn.Small);
            state = buffer.ReadState();
            Holds(path, state, promised);
        }

        return state;
    }

    private static async Task<(long Appended, long Sent)> ChurnUntilKilledAsync(
        string path, int seed, int lines, (long Appended, long Sent) promised)
    {
        using var child = Process.Start(new ProcessStartInfo("dotnet", [Writer.Program, Churn.Command, path, $"{seed}"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            // Quicker to start, and it does not live for long.
            Environment = { ["DOTNET_TieredPGO"] = "0", ["DOTNET_TC_QuickJitForLoops"] = "1" },
        })!;
        for (var i = 0; await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line; i++)
        {
            if (line.Split(' ') is [var step, var number, "."])
            {
                promised = step switch
                {
                    "append" => promised with { Appended = long.Parse(number) },
                    "sent" => promised with { Sent = long.Parse(number) },
                    _ => promised,
                };
            }

            if (i == lines)
            {
                child.Kill();
            }
        }

        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(0, child.ExitCode);
        return promised;
    }

    private static void Holds(string path, BufferState state, (long Appended, long Sent) promised)
    {
        var device = Assert.Single(state.Devices);

        // The last commit may have ended before it could be said; more than that one cannot have.
        Assert.InRange(device.Committed, promised.Appended, promised.Appended + 1);
        Assert.True(device.Cursor >= promised.Sent, $"{promised.Sent} was settled, the cursor is at {device.Cursor}");
        Assert.Equal(device.Committed, device.Acknowledged + device.Waiting + device.DeadLettered + device.Evicted);

        var rows = SampleBuffer.ReadSamples(path, DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue).ToList();
        Assert.All(rows, row => Assert.Equal(Rows.Row(row.Sample.Seq, row.Sample.Seq), row.Sample));
        Assert.Equal(rows.Count, rows.DistinctBy(row => row.Sample.Seq).Count());
        Assert.Equal(device.Held, rows.Count(row => row.Place == "held"));
        Assert.Equal(device.Waiting - device.Held, rows.Count(row => row.Place == "waiting"));
        var (evicted, dead) = BufferFile.Read(path, connection => (
            connection.Number("SELECT coalesce(sum(rows), 0) FROM missing WHERE reason = 'evicted'"),
            connection.Number("SELECT coalesce(sum(rows), 0) FROM missing WHERE reason = 'dead_lettered'")));
        Assert.Equal((device.Evicted, device.DeadLettered), (evicted, dead));
    }
}
