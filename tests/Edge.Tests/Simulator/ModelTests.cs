using Sungrow.Simulator;
using Sungrow.Simulator.Day;
using Sungrow.Simulator.Faults;
using Sungrow.Simulator.Modbus;
using Xunit;

namespace Sungrow.Edge.Tests.Simulator;

/// <summary>What each model has and lacks, as a client meets it.</summary>
public class ModelTests
{
    private static readonly DateTimeOffset Afternoon = new(2026, 9, 8, 14, 15, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Night = new(2026, 9, 8, 22, 0, 0, TimeSpan.Zero);

    // Blocks that an edge or a curious client asks for.
    private const int QuarterHours = 6099;
    private const int SignedBattery = 5213;
    private const int Main = 12999;
    private const int Firmware = 13249;
    private const int Meter = 5082;
    private const int Padded = 2612;

    [Theory]
    [InlineData("SH10RT", InverterPath.Lan, true, new[] { QuarterHours, SignedBattery, Main, Firmware, Padded })]
    [InlineData("SH10RT", InverterPath.WiNet, true, new[] { SignedBattery, Main, Firmware })]
    [InlineData("SH20T", InverterPath.Lan, true, new[] { SignedBattery, Main, Firmware, Padded })]
    [InlineData("SH5.0RS", InverterPath.Lan, true, new[] { SignedBattery, Main })]
    [InlineData("SH5K-30", InverterPath.Lan, true, new[] { Main })]
    [InlineData("SG5.0RS", InverterPath.Lan, true, new[] { Meter })]
    [InlineData("SG5.0RS", InverterPath.Lan, false, new int[0])]
    [InlineData("SG5.0RS", InverterPath.WiNet, false, new[] { Meter })]
    public async Task A_model_refuses_what_it_does_not_have(string model, object path, bool meter, int[] answered)
    {
        await using var inverter = Start(new() { Model = Named(model), Path = (InverterPath)path, Meter = meter });
        using var client = await RawClient.ConnectAsync(inverter);
        var family = Named(model).Family == Family.String ? new[] { Meter } : [];

        foreach (var start in new[] { QuarterHours, SignedBattery, Main, Firmware, Padded }.Concat(family))
        {
            await client.SendAsync(RawClient.Read(1, unit: 1, function: 4, start, 2));
            var head = await client.ReceiveAsync(9);
            if (head[7] == 4)
            {
                await client.ReceiveAsync(head[5] - 3);
            }

            Assert.Equal((start, answered.Contains(start) ? (4, 4) : (0x84, 2)), (start, (head[7], head[8])));
        }
    }

    [Theory]
    [InlineData("SH10RT", 3587, 100, 1, 2)]
    [InlineData("SH5.0RS", 3343, 50, 0, 2)]
    [InlineData("SH10RS", 3355, 100, 0, 4)]
    [InlineData("SH20T", 3622, 200, 1, 3)]
    [InlineData("SH5K-30", 3340, 50, 0, 2)]
    [InlineData("SG5.0RS", 9734, 50, 0, 2)]
    [InlineData("SG10RT", 9267, 100, 1, 2)]
    public async Task A_model_names_itself_and_its_trackers_share_the_sun(string model, int code, int power, int type, int trackers)
    {
        await using var inverter = Start(new() { Model = Named(model) });
        using var client = await RawClient.ConnectAsync(inverter);

        Assert.Equal([code, power, type], (await client.ReadWordsAsync(4999, 3)).Select(word => (int)word));

        ushort[] words = [.. await client.ReadWordsAsync(5010, 6), .. await client.ReadWordsAsync(5114, 2)];
        var there = words.Chunk(2).Where(pair => pair[0] != 65_535).ToArray();
        var watts = Served.U32(await client.ReadWordsAsync(5016, 2), 0);
        Assert.Equal(trackers, there.Length);
        Assert.InRange(there.Sum(pair => pair[0] * pair[1] / 100.0), watts - 120, watts + 120);
        Assert.InRange(watts, power * 90, power * 93);

        // A single phase has no other.
        var phases = await client.ReadWordsAsync(5018, 3);
        Assert.Equal(type == 1 ? [2302, 2302, 2302] : [2302, 65_535, 65_535], phases);
    }

    [Fact]
    public async Task A_dongle_has_zeros_in_place_of_absent_and_no_flow()
    {
        await using var inverter = Start(new() { Path = InverterPath.WiNet });
        using var client = await RawClient.ConnectAsync(inverter);

        Assert.Equal([0, 0], await client.ReadWordsAsync(5014, 2));
        Assert.Equal([0, 0], await client.ReadWordsAsync(13199, 2));
        Assert.All(await client.ReadWordsAsync(Firmware, 15), word => Assert.Equal(0, word));
        Assert.Equal([0x40, 0], await client.ReadWordsAsync(12999, 2));
        Assert.Equal([9187, 0], await client.ReadWordsAsync(5016, 2));
    }

    [Fact]
    public async Task A_dongle_serves_one_session_unless_told_otherwise()
    {
        foreach (var (sessions, most) in new[] { ((int?)null, 1), (2, 2) })
        {
            await using var inverter = Start(new() { Path = InverterPath.WiNet, Sessions = sessions });
            using var first = await RawClient.ConnectAsync(inverter);
            await first.ReadWordsAsync(5016, 2);
            using var second = await RawClient.ConnectAsync(inverter);
            if (most == 1)
            {
                Assert.True(await second.IsClosedByPeerAsync());
            }
            else
            {
                Assert.Equal([9187, 0], await second.ReadWordsAsync(5016, 2));
            }
        }
    }

    [Fact]
    public async Task Without_a_meter_the_LAN_port_says_so_and_a_dongle_says_zero()
    {
        ushort[] absent = [65_535, 32_767, 65_535, 32_767];
        foreach (var (path, expected) in new[] { (InverterPath.Lan, absent), (InverterPath.WiNet, new ushort[4]) })
        {
            await using var inverter = Start(new() { Path = path, Meter = false });
            using var client = await RawClient.ConnectAsync(inverter);

            Assert.Equal(expected, await client.ReadWordsAsync(13007, 4));
            Assert.Equal(9187, (await client.ReadWordsAsync(5016, 2))[0]);
        }
    }

    [Fact]
    public async Task Without_a_battery_nothing_is_stored_and_the_rest_balances()
    {
        await using var inverter = Start(new() { Battery = false }, Afternoon.AddHours(-4));
        using var client = await RawClient.ConnectAsync(inverter);

        Assert.All(await client.ReadWordsAsync(13019, 6), word => Assert.Equal(65_535, word));
        Assert.Equal([65_535, 65_535], await client.ReadWordsAsync(SignedBattery, 2));

        var flow = inverter.At(Afternoon.AddHours(-4)).Flow;
        Assert.Equal(0, flow.Battery);
        Assert.Equal(flow.Pv - flow.Losses, flow.Load + flow.Export);
        Assert.InRange(flow.Losses, 60 + (flow.Pv / 41), 61 + (flow.Pv / 40));
    }

    [Fact]
    public async Task A_string_inverter_stands_by_at_night_and_keeps_its_day()
    {
        await using var inverter = Start(new() { Model = Named("SG5.0RS") }, Night);
        using var client = await RawClient.ConnectAsync(inverter);

        Assert.Equal([0, 0], await client.ReadWordsAsync(5016, 2));
        Assert.Equal([0x1400], await client.ReadWordsAsync(5037, 1));
        Assert.Equal([0], await client.ReadWordsAsync(5018, 1));
        Assert.Equal([0, 0], await client.ReadWordsAsync(5030, 2));
        Assert.InRange((await client.ReadWordsAsync(5002, 1))[0], 185, 195); // half of the measured day's

        var meter = Served.S32(await client.ReadWordsAsync(5082, 2), 0);
        Assert.Equal(inverter.At(Night).Flow.Load, meter); // the house lives on the grid
        Assert.Equal(meter, Served.S32(await client.ReadWordsAsync(5090, 2), 0));
    }

    [Theory]
    [InlineData(11, 33)]
    [InlineData(15, 33)]
    public async Task Two_firmware_texts_come_whole_however_few_registers_are_asked_for(int count, int length)
    {
        await using var inverter = Start(new());
        using var client = await RawClient.ConnectAsync(inverter);

        await client.SendAsync(RawClient.Read(1, unit: 1, function: 4, Padded, count));

        var frame = await client.ReceiveAsync(6 + length);
        Assert.Equal([(byte)length, 1, 4, (byte)(2 * count)], frame[5..9]);
        Assert.Equal([9187, 0], await client.ReadWordsAsync(5016, 2));
    }

    [Fact]
    public void No_value_outgrows_its_register_in_any_model_under_any_fault()
    {
        int[] blocks = [2581, 4951, 4989, 5010, 5058, 5082, 5114, 5200, 5600, 5621, 6099, 12999, 13029, 13059, 13249];
        var faults = new FaultSwitch();
        foreach (var model in Model.All)
        {
            var household = new Household("A1", TimeZoneInfo.Utc, seed: 3, model.House(battery: true));
            var image = RegisterImage.Of(new() { Model = model });
            foreach (var type in FaultType.All)
            {
                faults.Set(type.Standard is null ? $"{type.Name}=1" : type.Name);
                faults.At(Night.AddYears(-1), TimeZoneInfo.Utc); // on for a year: long enough for a daily counter to reach its end
                for (var at = Night; at < Night.AddDays(1); at = at.AddHours(3))
                {
                    var on = faults.At(at, TimeZoneInfo.Utc);
                    var reading = BentReading.Of(household.At(at), household, at, on);
                    var answers = blocks.Select(start => image.Read(new(1, 1, 4, (ushort)start, 30), reading, on)).ToArray();
                    Assert.Contains(answers, answer => answer.Exception == ExceptionCode.None);
                }
            }
        }
    }

    [Theory]
    [InlineData("SH5.0RS")]
    [InlineData("SH20T")]
    [InlineData("SG10RT")]
    public void A_week_has_no_step_in_its_charge_whatever_its_size(string model)
    {
        var household = new Household("A1", TimeZoneInfo.Utc, seed: 3, Named(model).House(battery: true));
        var sunday = new DateTimeOffset(2026, 9, 6, 23, 59, 59, TimeSpan.Zero);

        var last = household.At(sunday);
        var first = household.At(sunday.AddSeconds(1));

        Assert.Equal(last.Stored - last.Flow.Battery, first.Stored);
        Assert.Equal(0, first.Today.Pv);
        Assert.Equal(last.Total.After(last.Flow), first.Total);
    }

    private static Model Named(string name) => Model.All.Single(model => model.Name == name);

    private static SimulatedInverter Start(InverterOptions options, DateTimeOffset? at = null) =>
        SimulatedInverter.Start(options, new SimulatedClock(new StoppedTime(), at ?? Afternoon));
}
