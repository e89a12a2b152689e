using Sungrow.Edge.Buffer;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Commands;

public sealed class ImportTests : IDisposable
{
    private const int Batch = 1_000;
    private const int Many = 60_500;

    private static readonly DateTimeOffset Start = new(2026, 6, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly TempFolder _folder = new();
    private readonly Dictionary<string, string?> _settings;

    public ImportTests() => _settings = EdgeProgram.Settings(_folder);

    private string Path => _folder.File("buffer.db");

    private string Csv => _folder.File("past.csv");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_killed_import_leaves_whole_batches_and_done_again_every_sample_is_there()
    {
        Write(Many);
        await using (var import = EdgeProgram.Start(_settings, "import", Csv))
        {
            await Until.TrueAsync(() => Committed() > 0 || import.HasExited);
            import.Kill();
            Assert.Equal(128 + 9, await import.ExitCodeAsync(cancellationToken: TestContext.Current.CancellationToken));
        }

        var left = Committed();
        Assert.InRange(left, Batch, Many - 1);
        Assert.Equal(0, left % Batch);
        Assert.Equal(Times(left), [.. SampleBuffer.ReadSamples(Path, Start, DateTimeOffset.MaxValue).Select(row => row.Sample.Ts)]);

        var ended = await EdgeProgram.RunAsync(_settings, "import", Csv);

        Assert.Equal([$"{Many} samples will go with the next run."], ended.Lines);
        var state = SampleBuffer.ReadState(Path);
        Assert.Equal((left + Many, left + Many), (state.Committed, state.Waiting));
        // What is there twice has one key: the VPS stores it once.
        Assert.Equal(Times(Many), SampleBuffer.ReadSamples(Path, Start, DateTimeOffset.MaxValue).Select(row => row.Sample.Ts).Distinct().Order());
    }

    [Fact]
    public async Task One_sample_is_counted_as_one()
    {
        Write(1);

        Assert.Equal(["1 sample will go with the next run."], (await EdgeProgram.RunAsync(_settings, "import", Csv)).Lines);
    }

    [Fact]
    public async Task A_setting_before_the_file_is_not_taken_for_it()
    {
        Write(1);

        var ended = await EdgeProgram.RunAsync(_settings, "import", "--Buffer:KeepSent=7.00:00:00", Csv);

        Assert.Equal(["1 sample will go with the next run."], ended.Lines);
    }

    [Fact]
    public async Task An_import_beside_a_daemon_is_refused()
    {
        Write(1);
        using var daemon = SampleBuffer.Open(Path, "boot");

        var ended = await EdgeProgram.RunAsync(_settings, "import", Csv);

        Assert.Contains("in use by another sungrow-edge", ended.Refusal(1), StringComparison.Ordinal);
    }

    private long Committed()
    {
        try
        {
            return SampleBuffer.ReadState(Path).Committed;
        }
        catch (BufferUnavailableException)
        {
            return 0; // Not made yet.
        }
    }

    private void Write(int samples) => File.WriteAllLines(
        Csv, ["device_id,ts,pv_power_w,interval_s", .. Times(samples).Select((ts, n) => $"A2240312345,{Rfc3339.Write(ts)},{n % 5000},10")]);

    private static IEnumerable<DateTimeOffset> Times(long samples) => Enumerable.Range(0, (int)samples).Select(n => Start.AddSeconds(10 * n));
}
