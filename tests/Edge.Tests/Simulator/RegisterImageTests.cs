using Sungrow.Simulator.Day;
using Sungrow.Simulator.Modbus;
using Xunit;

namespace Sungrow.Edge.Tests.Simulator;

public class RegisterImageTests
{
    private static readonly Household Measured = new("A2240312345", TimeZoneInfo.Utc, seed: 0);
    private static readonly Reading Afternoon = Measured.At(new DateTimeOffset(2026, 9, 8, 14, 15, 0, TimeSpan.Zero));
    private static readonly Reading BeforeDawn = Measured.At(new DateTimeOffset(2026, 9, 8, 5, 45, 0, TimeSpan.Zero));

    [Fact]
    public void A_32_bit_value_has_its_low_word_first()
    {
        Assert.Equal([9187, 0], Served.Words(Afternoon, 5016, 2));

        var total = Afternoon.Total.Pv / 360_000;
        Assert.True(total > 65_535, "a total that fits one word shows no order");
        Assert.Equal([(ushort)(total % 65_536), (ushort)(total / 65_536)], Served.Words(Afternoon, 13002, 2));
    }

    [Fact]
    public void A_negative_32_bit_value_fills_its_high_word()
    {
        var import = -BeforeDawn.Flow.Export;
        Assert.InRange(import, 1, 65_535);

        Assert.Equal([(ushort)(65_536 - import), 65_535], Served.Words(BeforeDawn, 13009, 2));
        Assert.Equal([(ushort)import, 0], Served.Words(BeforeDawn, 5600, 2));
    }

    [Fact]
    public void What_an_SH10RT_does_not_have_reads_as_its_LAN_port_answers()
    {
        Assert.Equal([65_535, 65_535], Served.Words(Afternoon, 5014, 2)); // MPPT3
        Assert.Equal([65_535, 65_535], Served.Words(Afternoon, 5114, 2)); // MPPT4
        Assert.Equal([65_535], Served.Words(Afternoon, 13029, 1)); // grid state, reserved
        Assert.Equal([65_535, 32_767], Served.Words(Afternoon, 13199, 2)); // the sentinel of a signed pair
        Assert.All(Served.Words(Afternoon, 5640, 60), word => Assert.Equal(65_535, word)); // undocumented
    }

    [Fact]
    public void The_device_names_itself()
    {
        var words = Served.Words(Afternoon, 4989, 14);

        var serial = words[..10].SelectMany(word => new[] { (byte)(word >> 8), (byte)word }).ToArray();
        Assert.Equal("A2240312345\0\0\0\0\0\0\0\0\0"u8.ToArray(), serial);
        Assert.Equal([3587, 100, 1], words[10..13]);
        Assert.Equal([0x1100, 0x0100], Served.Words(Afternoon, 4951, 2));
    }

    [Theory]
    [InlineData("2026-09-08T05:45:00Z", 0x0008, 0x08 | 0x20)] // battery empty, no sun: the house lives on the grid
    [InlineData("2026-09-08T10:30:00Z", 0x0040, 0x01 | 0x02 | 0x08)]
    [InlineData("2026-09-08T14:15:00Z", 0x0040, 0x01 | 0x08 | 0x10)]
    [InlineData("2026-09-08T19:30:00Z", 0x0040, 0x04 | 0x08)]
    public void State_and_flow_say_what_the_powers_do(string at, int state, int flow)
    {
        var reading = Measured.At(DateTimeOffset.Parse(at));
        var whereTheMeterIsNearZero = Math.Abs(reading.Flow.Export) <= 20 ? 0x30 : 0;

        Assert.Equal(state, Served.U16(reading, 12999));
        Assert.Equal(flow, Served.U16(reading, 13000) & ~whereTheMeterIsNearZero);
    }

    [Fact]
    public void The_quarter_hour_table_knows_what_has_been_and_nothing_of_what_comes()
    {
        var slots = Served.Words(Measured.At(new DateTimeOffset(2026, 9, 8, 14, 29, 59, TimeSpan.Zero)), 6099, 96);

        Assert.All(slots[..26], watts => Assert.Equal(0, watts));
        Assert.Equal([137, 184, 247, 213], slots[26..30]);
        Assert.Equal([4415, 9187, 0, 0], slots[56..60]);
        Assert.All(slots[58..], watts => Assert.Equal(0, watts));
    }

    [Fact]
    public void Volts_times_amperes_are_the_power_within_the_registers_steps()
    {
        var words = Served.Words(Afternoon, 5010, 4);
        Assert.InRange((words[0] * words[1] / 100.0) + (words[2] * words[3] / 100.0), 9187 - 60, 9187 + 60);

        var evening = Measured.At(new DateTimeOffset(2026, 9, 8, 19, 30, 0, TimeSpan.Zero));
        var watts = Served.U16(evening, 13019) * Served.S16(evening, 5630) / 100.0;
        Assert.InRange(watts, evening.Flow.Battery - 20, evening.Flow.Battery + 20);
    }

    [Theory]
    [InlineData(4, 4951, 2)]
    [InlineData(4, 4989, 14)]
    [InlineData(4, 5007, 29)]
    [InlineData(4, 5114, 2)]
    [InlineData(4, 5213, 2)]
    [InlineData(4, 5213, 29)]
    [InlineData(4, 5600, 8)]
    [InlineData(4, 5627, 12)]
    [InlineData(4, 6099, 96)]
    [InlineData(4, 12999, 48)]
    [InlineData(4, 13049, 30)]
    [InlineData(4, 13199, 2)]
    [InlineData(4, 4999, 125)]
    [InlineData(3, 4999, 6)]
    public void A_block_that_clients_read_is_answered_at_any_time_of_day(byte function, int start, int count)
    {
        foreach (var reading in new[] { BeforeDawn, Afternoon })
        {
            var whole = Served.Words(reading, start, count, function);

            // Word by word as well: a request may begin or end inside a pair.
            Assert.Equal(whole, Enumerable.Range(start, count).Select(wire => Served.Words(reading, wire, 1, function)[0]));
        }
    }

    [Theory]
    [InlineData(6, 0, 0, ExceptionCode.IllegalFunction)]
    [InlineData(16, 0, 0, ExceptionCode.IllegalFunction)]
    [InlineData(4, 12999, 0, ExceptionCode.IllegalDataValue)]
    [InlineData(4, 4999, 126, ExceptionCode.IllegalDataValue)]
    [InlineData(4, 5158, 2, ExceptionCode.IllegalDataAddress)]
    [InlineData(4, 5199, 2, ExceptionCode.IllegalDataAddress)]
    [InlineData(4, 13108, 2, ExceptionCode.IllegalDataAddress)]
    [InlineData(4, 13294, 1, ExceptionCode.IllegalDataAddress)]
    [InlineData(4, 65_535, 2, ExceptionCode.IllegalDataAddress)]
    [InlineData(3, 4999, 7, ExceptionCode.IllegalDataAddress)]
    [InlineData(3, 12999, 1, ExceptionCode.IllegalDataAddress)]
    public void What_cannot_be_read_is_refused_with_its_exception(byte function, int start, int count, object code)
    {
        var answer = Served.Answer(Afternoon, start, count, function);

        Assert.Equal(code, answer.Exception);
        Assert.Empty(answer.Words);
    }
}
