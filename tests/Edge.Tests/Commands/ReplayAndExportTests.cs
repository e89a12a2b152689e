using Sungrow.Edge.Buffer;
using Sungrow.Edge.Tests.Buffer;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Edge.Tests.Commands;

public sealed class ReplayAndExportTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Dictionary<string, string?> _settings;

    public ReplayAndExportTests() => _settings = EdgeProgram.Settings(_folder);

    private string Path => _folder.File("buffer.db");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Rows_that_were_sent_go_once_more_and_no_counter_moves()
    {
        var times = Fill(10);
        var before = SampleBuffer.ReadState(Path);

        var ended = await EdgeProgram.RunAsync(
            _settings, "replay", "--from", Rfc3339.Write(times[2]), "--to", Rfc3339.Write(times[5]));

        Assert.Equal(["3 samples will go once more with the next run."], ended.Lines);
        Assert.Equal((before.Acknowledged, before.Waiting), (SampleBuffer.ReadState(Path).Acknowledged, SampleBuffer.ReadState(Path).Waiting));
        using var buffer = Open();
        Assert.Equal([3, 4, 5], buffer.PeekResend(100)!.Samples.Select(sample => sample.Seq));
    }

    [Theory]
    [InlineData("--from is 'yesterday': allowed is RFC 3339", "--from", "yesterday", "--to", "2026-06-01T00:00:00Z")]
    [InlineData("--to must be later than --from.", "--from", "2026-06-02T00:00:00Z", "--to", "2026-06-01T00:00:00Z")]
    [InlineData("Option '--to' is required.", "--from", "2026-06-02T00:00:00Z")]
    public async Task A_time_that_is_none_is_refused_with_what_is_allowed(string sentence, params string[] words)
    {
        Fill(1);

        Assert.StartsWith(sentence, (await EdgeProgram.RunAsync(_settings, ["replay", .. words])).Refusal(2), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_without_a_time_are_left_out_of_the_export_and_counted()
    {
        Fill(2);
        using (var buffer = Open())
        {
            buffer.Append(Rows.Number(3) with { Ts = null });
        }

        var ended = await EdgeProgram.RunAsync(_settings, "export");

        Assert.Equal(0, ended.ExitCode);
        var said = Assert.Single(ended.Lines, line => line.StartsWith("sungrow-edge: ", StringComparison.Ordinal));
        Assert.Equal("sungrow-edge: 1 sample left out, for want of a time: nobody vouched for the clock. See 'sungrow-edge status'.", said);
        Assert.Equal(["seq", "1", "2"], ended.Lines.Where(line => line != said).Select(line => line.Split(',')[0]));
    }

    [Fact]
    public async Task The_export_holds_every_row_with_its_values_and_its_place()
    {
        var times = Fill(1_500);

        var ended = await EdgeProgram.RunAsync(_settings, "export", "--csv");

        Assert.Equal(0, ended.ExitCode);
        Assert.Equal(1_501, ended.Lines.Count);
        Assert.Equal(
            "seq,device_id,ts,pv_power_w,pv_daily_kwh,battery_power_w,battery_soc_pct,battery_temp_c,load_power_w,export_power_w,sample_count,interval_s,place",
            ended.Lines[0]);
        Assert.StartsWith($"1,{SampleBuffer.ReadState(Path).Devices[0].DeviceId},{Rfc3339.Write(times[0])},", ended.Lines[1], StringComparison.Ordinal);
        Assert.EndsWith(",sent", ended.Lines[1], StringComparison.Ordinal);
        Assert.EndsWith(",waiting", ended.Lines[^1], StringComparison.Ordinal);
        Assert.Equal(Enumerable.Range(1, 1_500), ended.Lines.Skip(1).Select(line => int.Parse(line.Split(',')[0])));
    }

    [Fact]
    public async Task A_time_of_it_goes_into_a_file_that_was_not_there()
    {
        var times = Fill(20);
        var file = _folder.File("samples.csv");
        string[] words = ["export", "--from", Rfc3339.Write(times[3]), "--to", Rfc3339.Write(times[6]), "--output", file];

        Assert.Equal(0, (await EdgeProgram.RunAsync(_settings, words)).ExitCode);
        var text = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
        Assert.Equal(4, text.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);

        Assert.StartsWith($"{file} cannot be written: ", (await EdgeProgram.RunAsync(_settings, words)).Refusal(1), StringComparison.Ordinal);
        Assert.Equal(text, await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
    }

    private List<DateTimeOffset> Fill(int rows)
    {
        using var buffer = Open();
        buffer.AppendMany(1, rows);
        var times = buffer.Peek(rows)!.Samples.Select(sample => sample.Ts).ToList();
        if (rows > 1)
        {
            buffer.Acknowledge(buffer.Peek(rows - 1)!);
        }

        return times;
    }

    private SampleBuffer Open() => SampleBuffer.Open(Path, "boot", new() { KeepSent = TimeSpan.FromDays(3650) });
}
