using System.Text.Json;
using Sungrow.Simulator;
using Xunit;

namespace Sungrow.Edge.Tests.Simulator;

public sealed class ServedLogTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"served-{Guid.NewGuid():N}.jsonl");

    [Fact]
    public async Task Each_line_holds_what_the_words_of_its_answer_say()
    {
        using var log = ServedLog.Open(_path);
        var clock = new SimulatedClock(TimeProvider.System, new DateTimeOffset(2026, 9, 8, 9, 0, 0, TimeSpan.Zero), speed: 3600);
        await using var inverter = SimulatedInverter.Start(new(), clock, log);
        using var client = await RawClient.ConnectAsync(inverter);

        var served = new List<(ushort[] Main, ushort[] Pv, ushort[] Battery)>();
        for (var poll = 0; poll < 50; poll++)
        {
            var main = await client.ReadWordsAsync(12999, 48);
            var pv = await client.ReadWordsAsync(5007, 29);
            served.Add((main, pv, await client.ReadWordsAsync(5213, 2)));
        }

        var lines = ReadLines();
        Assert.Equal(150, lines.Length);
        foreach (var (words, three) in served.Zip(lines.Chunk(3)))
        {
            Assert.Equal(words.Main[2] / 10m, Value(three[0], "pv_daily_kwh"));
            Assert.Equal(Served.S32(words.Main, 8), Value(three[0], "load_power_w"));
            Assert.Equal(Served.S32(words.Main, 10), Value(three[0], "export_power_w"));
            Assert.Equal(words.Main[23] / 10m, Value(three[0], "battery_soc_pct"));
            Assert.Equal((short)words.Main[25] / 10m, Value(three[0], "battery_temp_c"));
            Assert.Equal(5, three[0].GetProperty("values").EnumerateObject().Count());

            Assert.Equal(Served.U32(words.Pv, 9), Value(three[1], "pv_power_w"));
            Assert.Single(three[1].GetProperty("values").EnumerateObject());

            Assert.Equal(Served.S32(words.Battery, 0), Value(three[2], "battery_power_w"));
            Assert.Single(three[2].GetProperty("values").EnumerateObject());
        }
    }

    [Fact]
    public async Task A_line_names_the_request_both_times_and_the_exception()
    {
        using var log = ServedLog.Open(_path);
        var options = new InverterOptions { Serial = "B77", TimeZone = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin") };
        var start = new DateTimeOffset(2026, 9, 8, 9, 0, 0, TimeSpan.Zero);
        await using var inverter = SimulatedInverter.Start(options, new SimulatedClock(new StoppedTime(), start), log);
        using var client = await RawClient.ConnectAsync(inverter);
        var before = TimeProvider.System.GetUtcNow();

        await client.SendAsync(RawClient.Read(1, unit: 1, function: 4, 30_000, 4));
        await client.ReceiveAsync(9);
        await client.ReadWordsAsync(5016, 1);

        var lines = ReadLines();
        Assert.InRange(lines[0].GetProperty("utc").GetDateTimeOffset(), before.AddMilliseconds(-1), before.AddMinutes(1));
        Assert.EndsWith("Z", lines[0].GetProperty("utc").GetString(), StringComparison.Ordinal);
        Assert.Equal("2026-09-08T11:00:00+02:00", lines[0].GetProperty("simulated").GetString());
        Assert.Equal("B77", lines[0].GetProperty("serial").GetString());
        Assert.Equal((4, 30_000, 4, 2), Request(lines[0]));
        Assert.Equal((4, 5016, 1, 0), Request(lines[1]));
        Assert.All(lines, line => Assert.Empty(line.GetProperty("values").EnumerateObject())); // half a pair is no value

        static (int Function, int Start, int Count, int Exception) Request(JsonElement line) => (
            line.GetProperty("function").GetInt32(),
            line.GetProperty("start").GetInt32(),
            line.GetProperty("count").GetInt32(),
            line.GetProperty("exception").GetInt32());
    }

    [Fact]
    public async Task Several_inverters_write_whole_lines_and_a_later_run_continues_the_file()
    {
        for (var run = 0; run < 2; run++)
        {
            using var log = ServedLog.Open(_path);
            var clock = new SimulatedClock(TimeProvider.System);
            await using var a = SimulatedInverter.Start(new() { Serial = "A1" }, clock, log);
            await using var b = SimulatedInverter.Start(new() { Serial = "A2" }, clock, log);

            await Task.WhenAll(new[] { a, b }.Select(async inverter =>
            {
                using var client = await RawClient.ConnectAsync(inverter);
                for (var poll = 0; poll < 100; poll++)
                {
                    await client.ReadWordsAsync(12999, 48);
                }
            }));
        }

        var serials = ReadLines().CountBy(line => line.GetProperty("serial").GetString()!).ToDictionary();
        Assert.Equal(new Dictionary<string, int> { ["A1"] = 200, ["A2"] = 200 }, serials);
    }

    [Fact]
    public async Task An_answer_that_cannot_be_logged_is_not_sent_and_the_inverter_says_why()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "no /dev/full to play a full disk");
        using var log = ServedLog.Open("/dev/full");
        await using var inverter = SimulatedInverter.Start(new(), new SimulatedClock(TimeProvider.System), log);
        using var client = await RawClient.ConnectAsync(inverter);

        await client.SendAsync(RawClient.Read(1, unit: 1, function: 4, 5016, 2));

        Assert.True(await client.IsClosedByPeerAsync());
        await Assert.ThrowsAsync<IOException>(
            () => inverter.Failure.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
    }

    public void Dispose() => File.Delete(_path);

    private static decimal Value(JsonElement line, string name) => line.GetProperty("values").GetProperty(name).GetDecimal();

    // While the log is still open: a line is in the file before its answer is on the wire.
    private JsonElement[] ReadLines()
    {
        using var file = new StreamReader(new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return [.. file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line))];
    }
}
