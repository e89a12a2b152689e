using System.Net.Sockets;
using Sungrow.Simulator;
using Xunit;

namespace Sungrow.Edge.Tests.Simulator;

public class SimulatedInverterTests
{
    private static readonly DateTimeOffset Afternoon = new(2026, 9, 8, 14, 15, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_request_cut_into_single_bytes_is_answered()
    {
        await using var inverter = Start();
        using var client = await RawClient.ConnectAsync(inverter);

        foreach (var one in RawClient.Read(7, unit: 1, function: 4, 5016, 2))
        {
            await client.SendAsync(one);
        }

        Assert.Equal([0, 7, 0, 0, 0, 7, 1, 4, 4, 0x23, 0xE3, 0, 0], await client.ReceiveAsync(13));
    }

    [Fact]
    public async Task Requests_sent_in_one_segment_are_answered_in_their_order()
    {
        await using var inverter = Start();
        using var client = await RawClient.ConnectAsync(inverter);

        await client.SendAsync(
        [
            .. RawClient.Read(0xFFFE, unit: 1, function: 4, 5016, 1),
            .. RawClient.Read(1, unit: 1, function: 4, 20_000, 1),
            .. RawClient.Read(2, unit: 1, function: 3, 4999, 1),
            .. RawClient.Read(3, unit: 1, function: 4, 5016, 1)[..5],
        ]);

        Assert.Equal([0xFF, 0xFE, 0, 0, 0, 5, 1, 4, 2, 0x23, 0xE3], await client.ReceiveAsync(11));
        Assert.Equal([0, 1, 0, 0, 0, 3, 1, 0x84, 2], await client.ReceiveAsync(9));
        Assert.Equal([0, 2, 0, 0, 0, 5, 1, 3, 2, 0x07, 0xEA], await client.ReceiveAsync(11));
    }

    [Theory]
    [InlineData(new byte[] { 6, 0x32, 0x69, 0, 0xCE }, 0x86, 1)] // write single register: stop the inverter
    [InlineData(new byte[] { 0x2B, 14, 1, 0 }, 0xAB, 1)] // read device identification
    [InlineData(new byte[] { 4, 0x13, 0x98, 0, 0 }, 0x84, 3)] // nothing
    [InlineData(new byte[] { 4, 0x13, 0x98, 0, 126 }, 0x84, 3)] // more than fits
    [InlineData(new byte[] { 4, 0x13, 0x98 }, 0x84, 3)] // too short
    [InlineData(new byte[] { 4, 0x75, 0x30, 0, 15 }, 0x84, 2)] // an address that is not there
    public async Task A_request_that_cannot_be_served_gets_its_exception_and_the_session_goes_on(byte[] pdu, byte function, byte exception)
    {
        await using var inverter = Start();
        using var client = await RawClient.ConnectAsync(inverter);

        await client.SendAsync([0, 9, 0, 0, 0, (byte)(pdu.Length + 1), 1, .. pdu]);

        Assert.Equal([0, 9, 0, 0, 0, 3, 1, function, exception], await client.ReceiveAsync(9));
        Assert.Equal([9187, 0], await client.ReadWordsAsync(5016, 2));
    }

    [Theory]
    [InlineData(new byte[] { 0, 1, 0, 1, 0, 6, 1 })] // not the Modbus protocol
    [InlineData(new byte[] { 0, 1, 0, 0, 0, 1, 1 })] // no function
    [InlineData(new byte[] { 0, 1, 0, 0, 0, 255, 1 })] // longer than any request
    [InlineData(new byte[] { 0x16, 3, 1, 2, 0, 1, 0 })] // the beginning of TLS
    public async Task A_header_that_is_no_Modbus_ends_its_session_and_no_other(byte[] header)
    {
        await using var inverter = Start();
        using var client = await RawClient.ConnectAsync(inverter);
        using var other = await RawClient.ConnectAsync(inverter);

        await client.SendAsync(header);

        Assert.True(await client.IsClosedByPeerAsync());
        Assert.Equal([9187, 0], await other.ReadWordsAsync(5016, 2));
    }

    [Fact]
    public async Task Another_unit_is_not_answered()
    {
        await using var inverter = Start(new() { UnitId = 3 });
        using var client = await RawClient.ConnectAsync(inverter);

        await client.SendAsync(RawClient.Read(1, unit: 1, function: 4, 5016, 2));

        // The next answer on the wire is the next request's.
        Assert.Equal([9187, 0], await client.ReadWordsAsync(5016, 2, unit: 3));
        Assert.Equal(1, inverter.Answered);
    }

    [Fact]
    public async Task Another_unit_can_be_answered_as_a_gateway_does()
    {
        await using var inverter = Start(new() { WrongUnit = WrongUnit.Exception });
        using var client = await RawClient.ConnectAsync(inverter);

        await client.SendAsync(RawClient.Read(1, unit: 2, function: 4, 5016, 2));

        Assert.Equal([0, 1, 0, 0, 0, 3, 2, 0x84, 0x0B], await client.ReceiveAsync(9));
    }

    [Fact]
    public async Task A_session_too_many_is_closed_and_a_freed_place_is_given_again()
    {
        await using var inverter = Start(new() { Sessions = 2 });
        var first = await RawClient.ConnectAsync(inverter);
        using var second = await RawClient.ConnectAsync(inverter);
        await first.ReadWordsAsync(5016, 2);
        await second.ReadWordsAsync(5016, 2);

        using (var third = await RawClient.ConnectAsync(inverter))
        {
            Assert.True(await third.IsClosedByPeerAsync());
        }

        Assert.Equal(1, inverter.Refused);
        Assert.Equal([9187, 0], await second.ReadWordsAsync(5016, 2));

        first.Reset();
        while (!await IsServedAsync())
        {
            // A slow machine may need more than one attempt to notice that the first client is gone; without end is a failure.
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            Assert.InRange(inverter.Refused, 1, 100);
        }

        async Task<bool> IsServedAsync()
        {
            using var fourth = await RawClient.ConnectAsync(inverter);
            await fourth.SendAsync(RawClient.Read(1, unit: 1, function: 4, 5016, 2));
            return !await fourth.IsClosedByPeerAsync();
        }
    }

    [Fact]
    public async Task A_session_that_says_nothing_loses_its_place()
    {
        await using var inverter = Start(new() { Sessions = 1, IdleTimeout = TimeSpan.FromMilliseconds(300) });
        using var silent = await RawClient.ConnectAsync(inverter);
        await silent.SendAsync(RawClient.Read(1, unit: 1, function: 4, 5016, 2)[..6]);

        Assert.True(await silent.IsClosedByPeerAsync());
    }

    [Fact]
    public async Task Stopped_it_refuses_and_started_again_on_its_port_it_goes_on_with_the_same_day()
    {
        var clock = new SimulatedClock(new StoppedTime(), Afternoon);
        var inverter = SimulatedInverter.Start(new(), clock);
        var endpoint = inverter.Endpoint;
        using var client = await RawClient.ConnectAsync(endpoint);
        var before = await client.ReadWordsAsync(12999, 48);

        await inverter.DisposeAsync();

        Assert.True(await client.IsClosedByPeerAsync());
        await Assert.ThrowsAnyAsync<SocketException>(() => RawClient.ConnectAsync(endpoint));

        await using var again = SimulatedInverter.Start(new() { Port = endpoint.Port }, clock);
        using var next = await RawClient.ConnectAsync(endpoint);
        Assert.Equal(before, await next.ReadWordsAsync(12999, 48));
    }

    [Fact]
    public async Task Simulated_time_runs_at_its_speed()
    {
        var time = new SteppedTime();
        await using var inverter = SimulatedInverter.Start(new(), new SimulatedClock(time, Afternoon, speed: 60));
        using var client = await RawClient.ConnectAsync(inverter);
        Assert.Equal([14, 15, 0], await client.ReadWordsAsync(5002, 3, function: 3));

        time.Elapsed = TimeSpan.FromSeconds(90);

        Assert.Equal([15, 45, 0], await client.ReadWordsAsync(5002, 3, function: 3));
        Assert.Equal([1733, 0], await client.ReadWordsAsync(5016, 2));
    }

    private static SimulatedInverter Start(InverterOptions? options = null) =>
        SimulatedInverter.Start(options ?? new(), new SimulatedClock(new StoppedTime(), Afternoon));
}
