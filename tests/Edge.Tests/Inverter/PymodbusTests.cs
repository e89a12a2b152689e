using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

/// <summary>Against a Modbus server that we did not write, holding what real inverters served.</summary>
public class PymodbusTests
{
    private const int Deadline = 120_000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static Task<ModbusTcpMaster> OpenAsync(PymodbusServer server, double seconds = 30) =>
        ModbusTcpMaster.OpenAsync("127.0.0.1", server.Port, TimeSpan.FromSeconds(seconds), TimeProvider.System, Token);

    private static InverterReader Reader(PymodbusServer server) => new(
        Options.Create(new InverterOptions { Host = "127.0.0.1", Port = server.Port, RequestTimeout = TimeSpan.FromSeconds(30) }),
        TimeProvider.System,
        NullLogger<InverterReader>.Instance);

    [Fact(Timeout = Deadline)]
    public async Task An_SH10RT_is_identified_and_read_in_five_requests()
    {
        await using var server = await PymodbusServer.StartAsync("sh10rt", Token);
        await using var reader = Reader(server);

        var polled = Assert.IsType<Polled>(await reader.PollAsync(Token));

        Assert.Equal(
            new InverterIdentity("PY-SH10RT", 0x0E03, "SH10RT", InverterFamily.Hybrid, 10_000, 3) { Trackers = 2 }, polled.Identity);
        Assert.Equal(new Reading(1201, 36.1, 0, 95.5, 31.0, 1106, -180), polled.Reading);
        Assert.Equal(5, polled.Blocks.Count);
    }

    [Fact(Timeout = Deadline)]
    public async Task An_SH20T_is_read_poll_after_poll()
    {
        await using var server = await PymodbusServer.StartAsync("sh20t", Token);
        await using var reader = Reader(server);

        for (var poll = 0; poll < 20; poll++)
        {
            var polled = Assert.IsType<Polled>(await reader.PollAsync(Token));
            Assert.Equal(new Reading(9327, 107.2, 0, 100, 18.0, 493, 8509), polled.Reading);
        }
    }

    [Fact(Timeout = Deadline)]
    public async Task Holding_registers_are_another_space_than_input_registers()
    {
        await using var server = await PymodbusServer.StartAsync("sh10rt", Token);
        using var master = await OpenAsync(server);

        Assert.Equal([2026, 9, 8, 18, 7, 52], await master.ReadHoldingRegistersAsync(1, 4999, 6, Token));
        Assert.Equal([3587, 100, 1], await master.ReadInputRegistersAsync(1, 4999, 3, Token));
    }

    [Fact(Timeout = Deadline)]
    public async Task An_illegal_address_is_refused_with_code_two_and_the_connection_lives_on()
    {
        await using var server = await PymodbusServer.StartAsync("sh10rt", Token);
        using var master = await OpenAsync(server);

        var refusal = await Assert.ThrowsAsync<ModbusException>(() => master.ReadInputRegistersAsync(1, 60000, 1, Token));

        Assert.Equal(ModbusException.IllegalDataAddress, refusal.Code);
        Assert.Equal([65535, 32767], await master.ReadInputRegistersAsync(1, 13199, 2, Token));
        Assert.Equal(125, (await master.ReadInputRegistersAsync(1, 12999, 125, Token)).Length);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_unit_that_is_not_there_is_silent()
    {
        await using var server = await PymodbusServer.StartAsync("sh10rt", Token);
        using var master = await OpenAsync(server, seconds: 0.5);

        var failure = await Assert.ThrowsAsync<ModbusConnectionException>(() => master.ReadInputRegistersAsync(2, 4999, 3, Token));

        Assert.Equal(UnreachableReason.Silent, failure.Reason);
    }
}
