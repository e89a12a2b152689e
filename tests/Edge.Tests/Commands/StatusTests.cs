using System.Text.Json;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Commands;
using Sungrow.Edge.Tests.Buffer;
using Xunit;

namespace Sungrow.Edge.Tests.Commands;

public sealed class StatusTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly TempFolder _folder = new();
    private readonly Dictionary<string, string?> _settings;

    public StatusTests() => _settings = new() { ["Buffer__Path"] = _folder.File("buffer.db") };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_tells_the_whole_account_as_one_object()
    {
        using (var buffer = Open())
        {
            buffer.AppendMany(1, 10);
            var batch = buffer.Peek(6)!;
            buffer.Settle(batch, new Dictionary<long, Verdict>
            {
                [batch.Samples[1].Seq] = new DeadLetter("OUT_OF_RANGE", "0 .. 100"),
                [batch.Samples[2].Seq] = new Hold("TIMESTAMP_IN_FUTURE", Now.AddHours(1)),
            });
            buffer.SetBrake(new("OUT_OF_RANGE", Now));
            buffer.OpenGap(Now, "night", 3);
        }

        var ended = await EdgeProgram.RunAsync(_settings, "status", "--json");

        Assert.Equal(0, ended.ExitCode);
        var status = JsonDocument.Parse(Assert.Single(ended.Lines)).RootElement;
        Assert.Equal(10, Number("committed"));
        Assert.Equal(4, Number("acknowledged"));
        Assert.Equal(5, Number("waiting"));
        Assert.Equal(1, Number("held"));
        Assert.Equal(1, Number("dead_lettered"));
        Assert.Equal(0, Number("evicted"));
        Assert.Equal("OUT_OF_RANGE", status.GetProperty("brake").GetProperty("code").GetString());
        Assert.Equal(1, status.GetProperty("dead_letters_by_code")[0].GetProperty("rows").GetInt64());
        Assert.Equal("night", status.GetProperty("open_gaps")[0].GetProperty("reason").GetString());
        Assert.Equal(10, status.GetProperty("devices")[0].GetProperty("committed").GetInt64());

        long Number(string name) => status.GetProperty(name).GetInt64();
    }

    [Fact]
    public void Its_table_fits_80_columns_and_says_what_to_do()
    {
        var status = new StatusReport(
            "/var/lib/sungrow-edge/buffer.db", Guid.NewGuid(), 123_456_789, 123_000_000, 300_000, 12, 7, 156_000, 789, Now.AddDays(-40), Now,
            Now, 1_900_000_000, 2L << 30, 12_000_000_000, new("OUT_OF_RANGE", Now.AddHours(-3)),
            [
                new("A2290112345", 1, 123_456_700, 122_999_999, 300_000, 156_000, 701),
                new(new string('x', 64), 1, 89, 1, 0, 0, 88),
            ],
            [new("MALFORMED_TIMESTAMP", 156_000)],
            [new(Now.AddMinutes(-20), "inverter_unreachable", 120)]);

        var lines = StatusTable.Lines(status, Now).SelectMany(line => line.Split('\n')).ToList();

        Assert.All(lines, line => Assert.InRange(line.Length, 0, 80));
        var text = string.Join('\n', lines);
        Assert.Contains("123,456,700", text, StringComparison.Ordinal);
        Assert.Contains("300,000 since 2026-04-22T12:00:00Z, 40 days ago", text, StringComparison.Ordinal);
        Assert.Contains("156,000 refused with MALFORMED_TIMESTAMP: see 'dead-letters list'", text, StringComparison.Ordinal);
        Assert.Contains("'dead-letters release'", text, StringComparison.Ordinal);
        Assert.Contains("inverter_unreachable since 2026-06-01T11:40:00Z, 20 min ago, 120 missed", text, StringComparison.Ordinal);
        Assert.Contains("1.9 GB of at most 2.15 GB; the disk has 12 GB free", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_an_empty_buffer_it_says_that_nothing_waits()
    {
        Open().Dispose();

        var ended = await EdgeProgram.RunAsync(_settings, "status");

        Assert.Equal(0, ended.ExitCode);
        Assert.Contains("newest   no sample yet", ended.Lines);
        Assert.Contains("waiting  nothing", ended.Lines);
    }

    private SampleBuffer Open() => SampleBuffer.Open(_folder.File("buffer.db"), "boot", new() { KeepSent = TimeSpan.FromDays(3650) });
}
