using System.Net.Sockets;
using Sungrow.Simulator;
using Sungrow.Simulator.Faults;
using Xunit;

namespace Sungrow.Edge.Tests.Simulator;

/// <summary>Each fault as it looks on the wire, and how the served log tells of it.</summary>
public sealed class FaultTests : IDisposable
{
    private static readonly DateTimeOffset Afternoon = new(2026, 9, 8, 14, 15, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Morning = new(2026, 9, 8, 10, 30, 0, TimeSpan.Zero);
    private readonly string _log = Path.Combine(Path.GetTempPath(), $"served-{Guid.NewGuid():N}.jsonl");

    [Theory]
    [InlineData("sentinels", 65_535, 65_535, 65_535, 65_535, 32_767)]
    [InlineData("sentinels=U16", 65_535, 9187, 0, 900, 320)]
    [InlineData("sentinels=U32", 227, 65_535, 65_535, 900, 320)]
    [InlineData("sentinels=S16", 227, 9187, 0, 900, 32_767)]
    [InlineData("sentinels=S32", 227, 9187, 0, 65_535, 320)]
    [InlineData("word-swap", 227, 0, 9187, 0, 320)]
    [InlineData("all-zero", 0, 0, 0, 0, 0)]
    public async Task Registers_carry_the_fault(string fault, int daily, int pvLow, int pvHigh, int loadLow, int temperature)
    {
        await using var inverter = Start(Afternoon, fault);
        using var client = await RawClient.ConnectAsync(inverter);

        var pv = await client.ReadWordsAsync(5016, 2);
        var main = await client.ReadWordsAsync(12999, 48);

        Assert.Equal([pvLow, pvHigh], pv.Select(word => (int)word));
        Assert.Equal(daily, main[2]);
        Assert.InRange(main[8], Math.Max(loadLow - 11, 0), Math.Min(loadLow + 11, 65_535));
        Assert.Equal(temperature, main[25]);
    }

    [Fact]
    public async Task The_sentinel_of_a_signed_pair_has_its_low_word_first_too()
    {
        await using var inverter = Start(Afternoon, "sentinels");
        using var client = await RawClient.ConnectAsync(inverter);

        Assert.Equal([65_535, 32_767], await client.ReadWordsAsync(13009, 2));
        Assert.Equal([3587, 100, 1], await client.ReadWordsAsync(4999, 3)); // who it is stays readable
    }

    [Fact]
    public async Task Zeros_stand_where_absent_should()
    {
        await using var inverter = Start(Afternoon);
        using var client = await RawClient.ConnectAsync(inverter);
        Assert.Equal([65_535, 65_535], await client.ReadWordsAsync(5014, 2));
        Assert.Equal([65_535, 32_767], await client.ReadWordsAsync(13199, 2));

        inverter.Faults.Set("zeros");

        Assert.Equal([0, 0], await client.ReadWordsAsync(5014, 2));
        Assert.Equal([0, 0], await client.ReadWordsAsync(13199, 2));
        Assert.Equal([9187, 0], await client.ReadWordsAsync(5016, 2));

        inverter.Faults.Set("zeros", "sentinels=U32");
        Assert.Equal([0, 0], await client.ReadWordsAsync(5016, 2));
    }

    [Theory]
    [InlineData("illegal-address=6099", 6099, 1, true)]
    [InlineData("illegal-address=6099", 6100, 95, false)]
    [InlineData("illegal-address=13249", 13249, 15, true)]
    [InlineData("illegal-address=13249", 12999, 48, false)]
    [InlineData("illegal-address=13010", 12999, 48, true)] // in the middle of a block
    public async Task An_illegal_address_refuses_the_reads_that_reach_it(string fault, int start, int count, bool refused)
    {
        await using var inverter = Start(Afternoon, fault);
        using var client = await RawClient.ConnectAsync(inverter);

        await client.SendAsync(RawClient.Read(1, unit: 1, function: 4, start, count));

        var head = await client.ReceiveAsync(9);
        Assert.Equal(refused ? [0x84, 2] : [4, (byte)(2 * count)], head[7..]);
    }

    [Theory]
    [InlineData("timeout", 12999)]
    [InlineData("timeout=13001", 12999)]
    public async Task A_timeout_is_silence_and_then_a_farewell(string fault, int start)
    {
        await using var inverter = SimulatedInverter.Start(
            new() { IdleTimeout = TimeSpan.FromHours(12) }, new SimulatedClock(new SteppedTime(haste: 50), Afternoon));
        using var client = await RawClient.ConnectAsync(inverter);
        inverter.Faults.Set(fault);

        await client.SendAsync(RawClient.Read(1, unit: 1, function: 4, start, 48));

        Assert.Empty(await client.ReceiveUntilClosedAsync());
        Assert.Equal(0, inverter.Answered);
    }

    [Fact]
    public async Task A_timeout_at_one_address_leaves_the_others_alone()
    {
        await using var inverter = Start(Afternoon, "timeout=13249");
        using var client = await RawClient.ConnectAsync(inverter);

        Assert.Equal([9187, 0], await client.ReadWordsAsync(5016, 2));
    }

    [Fact]
    public async Task A_reset_cuts_the_reply_in_half()
    {
        await using var inverter = Start(Afternoon, "reset");
        using var client = await RawClient.ConnectAsync(inverter);

        await client.SendAsync(RawClient.Read(7, unit: 1, function: 4, 5016, 2));

        Assert.Equal([0, 7, 0, 0, 0, 7], await client.ReceiveAsync(6));
        await Assert.ThrowsAsync<SocketException>(() => client.ReceiveAsync(1));
    }

    [Fact]
    public async Task The_length_in_the_header_exceeds_the_byte_count()
    {
        await using var inverter = Start(Afternoon, "long-length");
        using var client = await RawClient.ConnectAsync(inverter);

        await client.SendAsync(RawClient.Read(7, unit: 1, function: 4, 5016, 2));

        Assert.Equal([0, 7, 0, 0, 0, 15, 1, 4, 4, 0x23, 0xE3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], await client.ReceiveAsync(21));
    }

    [Fact]
    public async Task A_stale_reply_carries_the_transaction_before()
    {
        await using var inverter = Start(Afternoon, "stale-transaction");
        using var client = await RawClient.ConnectAsync(inverter);

        await client.SendAsync(RawClient.Read(0x100, unit: 1, function: 4, 5016, 2));

        Assert.Equal([0, 0xFF, 0, 0, 0, 7], (await client.ReceiveAsync(13))[..6]);
    }

    [Fact]
    public async Task A_second_client_is_closed_while_the_first_is_served()
    {
        await using var inverter = Start(Afternoon, "second-client");
        using var first = await RawClient.ConnectAsync(inverter);
        await first.ReadWordsAsync(5016, 2);

        using (var second = await RawClient.ConnectAsync(inverter))
        {
            Assert.True(await second.IsClosedByPeerAsync());
        }

        inverter.Faults.Set();
        using var third = await RawClient.ConnectAsync(inverter);
        Assert.Equal([9187, 0], await third.ReadWordsAsync(5016, 2));
        Assert.Equal([9187, 0], await first.ReadWordsAsync(5016, 2));
        Assert.Equal(1, inverter.Refused);
    }

    [Fact]
    public async Task The_battery_has_magnitudes_and_then_signs()
    {
        await using var inverter = Start(Morning, "battery-magnitude");
        using var client = await RawClient.ConnectAsync(inverter);

        var magnitudes = await client.ReadWordsAsync(13020, 2);
        inverter.Faults.Set();
        var signed = await client.ReadWordsAsync(13020, 2);

        Assert.InRange((short)signed[1], -5_000, -4_000);
        Assert.Equal(magnitudes.Select(word => -(short)word), signed.Select(word => (int)(short)word));
    }

    [Fact]
    public async Task The_flow_bits_can_be_stuck()
    {
        await using var inverter = Start(Morning, "flow-zero");
        using var client = await RawClient.ConnectAsync(inverter);

        Assert.Equal([0x40, 0], await client.ReadWordsAsync(12999, 2));
    }

    [Fact]
    public async Task At_night_there_is_no_answer_and_in_the_morning_there_is()
    {
        var time = new SteppedTime();
        using var log = ServedLog.Open(_log);
        await using var inverter = SimulatedInverter.Start(new(), new SimulatedClock(time, Afternoon.AddHours(8)), log);
        inverter.Faults.Set("night-silence");
        using var client = await RawClient.ConnectAsync(inverter);

        await client.SendAsync(RawClient.Read(1, unit: 1, function: 4, 5016, 2));
        while (new FileInfo(_log).Length == 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, TestContext.Current.CancellationToken);
        }

        time.Elapsed = TimeSpan.FromHours(12);

        // The night's request was answered by nothing: the next bytes on the wire are the morning's.
        Assert.True((await client.ReadWordsAsync(5016, 2))[0] > 0);
        Assert.Equal(1, inverter.Answered);
    }

    [Fact]
    public async Task The_address_of_another_inverter_resets_what_was_open()
    {
        await using var inverter = Start(Morning);
        using var client = await RawClient.ConnectAsync(inverter);
        var ours = await client.ReadWordsAsync(4989, 10);

        inverter.Faults.Set("other-serial=B777");
        await client.SendAsync(RawClient.Read(1, unit: 1, function: 4, 4989, 10));
        Assert.Empty(await client.ReceiveUntilClosedAsync());

        using var next = await RawClient.ConnectAsync(inverter);
        Assert.Equal([0x4237, 0x3737, 0], (await next.ReadWordsAsync(4989, 10))[..3]);
        Assert.NotEqual(ours, await next.ReadWordsAsync(4989, 10));
    }

    [Fact]
    public async Task The_clock_can_be_off()
    {
        await using var inverter = Start(Afternoon, "clock-off=-60");
        using var client = await RawClient.ConnectAsync(inverter);

        Assert.Equal([2026, 9, 8, 13, 15, 0], await client.ReadWordsAsync(4999, 6, function: 3));
    }

    [Fact]
    public async Task Totals_can_step_back()
    {
        await using var inverter = Start(Afternoon);
        using var client = await RawClient.ConnectAsync(inverter);
        var before = Served.U32(await client.ReadWordsAsync(13002, 2), 0);

        inverter.Faults.Set("total-back=3");

        Assert.Equal(before - 30, Served.U32(await client.ReadWordsAsync(13002, 2), 0));
    }

    [Fact]
    public async Task The_log_keeps_the_truth_and_the_bytes_that_left()
    {
        using (var log = ServedLog.Open(_log))
        {
            await using var inverter = SimulatedInverter.Start(new(), new SimulatedClock(new StoppedTime(), Afternoon), log);
            using var client = await RawClient.ConnectAsync(inverter);
            await client.ReadWordsAsync(5016, 2);
            inverter.Faults.Set("word-swap", "flow-zero");
            await client.ReadWordsAsync(5016, 2);
            await client.ReadWordsAsync(4999, 2); // nothing of it is swapped
            inverter.Faults.Set("illegal-address=5017");
            await client.SendAsync(RawClient.Read(1, unit: 1, function: 4, 5016, 2));
            await client.ReceiveAsync(9);
            inverter.Faults.Set("reset");
            await client.SendAsync(RawClient.Read(1, unit: 1, function: 4, 5016, 2));
            Assert.True((await client.ReceiveUntilClosedAsync()).Length <= 6);
        }

        const string Meant = "\"function\":4,\"start\":5016,\"count\":2,\"exception\":0,\"values\":{\"pv_power_w\":9187}";
        var lines = await File.ReadAllLinesAsync(_log, TestContext.Current.CancellationToken);
        Assert.EndsWith($"{Meant}}}", lines[0], StringComparison.Ordinal);
        Assert.EndsWith(
            $"{Meant},\"faults\":[\"word-swap\",\"flow-zero\"],\"sent\":\"123400000007010404000023E3\",\"then\":\"stay\"}}",
            lines[1],
            StringComparison.Ordinal);
        Assert.EndsWith("\"values\":{}}", lines[2], StringComparison.Ordinal);
        Assert.EndsWith(
            $"{Meant},\"faults\":[\"illegal-address\"],\"sent\":\"000100000003018402\",\"then\":\"stay\"}}",
            lines[3],
            StringComparison.Ordinal);
        Assert.EndsWith(
            $"{Meant},\"faults\":[\"reset\"],\"sent\":\"000100000007\",\"then\":\"reset\"}}", lines[4], StringComparison.Ordinal);
    }

    public void Dispose() => File.Delete(_log);

    private static SimulatedInverter Start(DateTimeOffset at, params string[] faults)
    {
        var inverter = SimulatedInverter.Start(new(), new SimulatedClock(new StoppedTime(), at), faults: new FaultSwitch());
        inverter.Faults.Set(faults);
        return inverter;
    }
}
