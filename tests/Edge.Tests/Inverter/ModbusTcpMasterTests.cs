using System.Net;
using System.Net.Sockets;
using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class ModbusTcpMasterTests
{
    private const int Deadline = 60_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static Task<ModbusTcpMaster> OpenAsync(ScriptedServer server, ManualTime? time = null) =>
        time is null
            ? ModbusTcpMaster.OpenAsync("127.0.0.1", server.Port, TimeSpan.FromSeconds(30), TimeProvider.System, Token)
            : ModbusTcpMaster.OpenAsync("127.0.0.1", server.Port, Patience, time, Token);

    private static ScriptedServer Serving(params ushort[] words) =>
        new(async client => await client.SendAsync(Frames.Reply(await client.RequestAsync(), words)));

    private static async Task<ModbusConnectionException> FailsAsync(ModbusTcpMaster master, ushort points = 2)
    {
        var failure = await Assert.ThrowsAsync<ModbusConnectionException>(() => master.ReadInputRegistersAsync(1, 5016, points, Token));
        Assert.False(master.IsOpen);
        return failure;
    }

    [Theory(Timeout = Deadline)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task A_request_is_twelve_bytes_and_its_reply_the_words(byte function)
    {
        await using var server = Serving(1201, 0xFFFF);
        using var master = await OpenAsync(server);

        var words = function == 3
            ? await master.ReadHoldingRegistersAsync(7, 0x1398, 2, Token)
            : await master.ReadInputRegistersAsync(7, 0x1398, 2, Token);

        Assert.Equal([1201, 0xFFFF], words);
        Assert.Equal([0, 0, 0, 6, 7, function, 0x13, 0x98, 0, 2], server.Requests.Single()[2..]);
    }

    [Fact(Timeout = Deadline)]
    public async Task The_largest_read_arrives_whole()
    {
        var served = Enumerable.Range(40_000, 125).Select(word => (ushort)word).ToArray();
        await using var server = Serving(served);
        using var master = await OpenAsync(server);

        Assert.Equal(served, await master.ReadInputRegistersAsync(1, 0, 125, Token));
    }

    [Theory(Timeout = Deadline)]
    [InlineData("transaction", 0, null)]
    [InlineData("transaction", 1, null)]
    [InlineData("protocol", 3, 1)]
    [InlineData("length too long", 5, 8)]
    [InlineData("length too short", 5, 5)]
    [InlineData("length of an exception", 5, 3)]
    [InlineData("unit", 6, 2)]
    [InlineData("function", 7, 3)]
    [InlineData("exception in a long frame", 7, 0x84)]
    [InlineData("bytes counted", 8, 2)]
    public async Task A_wrong_field_is_a_violation_that_closes_the_socket(string field, int at, int? value)
    {
        var closed = new TaskCompletionSource();
        await using var server = new ScriptedServer(async client =>
        {
            await client.SendAsync(Frames.Reply(await client.RequestAsync(), 1, 2));
            var second = Frames.Reply(await client.RequestAsync(), 3, 4);
            second[at] = (byte)(value ?? ~second[at]);
            await client.SendAsync(second);
            await client.ClosedAsync();
            closed.SetResult();
        });
        using var master = await OpenAsync(server);
        Assert.Equal([1, 2], await master.ReadInputRegistersAsync(1, 5016, 2, Token));

        var failure = await FailsAsync(master);

        Assert.Equal(UnreachableReason.Violation, failure.Reason);
        Assert.False(string.IsNullOrEmpty(failure.Detail), field);
        await closed.Task.WaitAsync(Token);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_padded_frame_is_a_violation()
    {
        // What 2612 and 2628 do: length 33 around 22 bytes of registers.
        await using var server = new ScriptedServer(async client =>
        {
            var reply = Frames.Reply(await client.RequestAsync(), new ushort[11]);
            reply[5] = 33;
            await client.SendAsync([.. reply, 0, 0, 0, 0, 0, 0, 0, 0]);
        });
        using var master = await OpenAsync(server);

        await FailsAsync(master, points: 11);
    }

    [Fact(Timeout = Deadline)]
    public async Task An_oversized_length_is_refused_without_waiting_for_it()
    {
        await using var server = new ScriptedServer(async client =>
        {
            var request = await client.RequestAsync();
            await client.SendAsync(request[0], request[1], 0, 0, 0xFF, 0xFF, 1);
            await client.ClosedAsync();
        });
        using var master = await OpenAsync(server, new ManualTime()); // A clock that stands: it cannot be the timeout that ends this.

        Assert.Equal(UnreachableReason.NotModbus, (await FailsAsync(master)).Reason);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_reply_may_come_byte_by_byte()
    {
        await using var server = new ScriptedServer(async client =>
        {
            foreach (var one in Frames.Reply(await client.RequestAsync(), 361, 63361))
            {
                await client.SendAsync(one);
                await Task.Yield();
            }
        });
        using var master = await OpenAsync(server);

        Assert.Equal([361, 63361], await master.ReadInputRegistersAsync(1, 13001, 2, Token));
    }

    [Theory(Timeout = Deadline)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(10)]
    public async Task Silence_in_the_middle_of_a_reply_ends_with_the_timeout(int bytesBefore)
    {
        var time = new ManualTime();
        var silent = new TaskCompletionSource();
        await using var server = new ScriptedServer(async client =>
        {
            await client.SendAsync(Frames.Reply(await client.RequestAsync(), 1, 2));
            await client.SendAsync(Frames.Reply(await client.RequestAsync(), 3, 4)[..bytesBefore]);
            silent.SetResult();
            await client.ClosedAsync();
        });
        using var master = await OpenAsync(server, time);
        await master.ReadInputRegistersAsync(1, 5016, 2, Token);

        var reading = FailsAsync(master);
        await silent.Task.WaitAsync(Token);
        time.Advance(Patience - TimeSpan.FromMilliseconds(1));
        Assert.False(reading.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(UnreachableReason.TimedOut, (await reading).Reason);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_unit_that_never_answered_is_told_from_one_that_stopped()
    {
        var time = new ManualTime();
        var asked = new TaskCompletionSource();
        await using var server = new ScriptedServer(async client =>
        {
            await client.RequestAsync();
            asked.SetResult();
            await client.ClosedAsync();
        });
        using var master = await OpenAsync(server, time);

        var reading = FailsAsync(master);
        await asked.Task.WaitAsync(Token);
        time.Advance(Patience);

        Assert.Equal(UnreachableReason.Silent, (await reading).Reason);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_late_reply_never_becomes_the_answer_to_the_next_question()
    {
        var askedAgain = new TaskCompletionSource<int>();
        await using var server = new ScriptedServer(async client =>
        {
            // In one piece: where the first reply is, the second one is too.
            var first = await client.RequestAsync();
            await client.SendAsync([.. Frames.Reply(first, 1, 2), .. Frames.Reply(first, 666, 666)]);
            askedAgain.SetResult(await client.ClosedAsync());
        });
        using var master = await OpenAsync(server);
        Assert.Equal([1, 2], await master.ReadInputRegistersAsync(1, 5016, 2, Token));

        Assert.Equal(UnreachableReason.Violation, (await FailsAsync(master)).Reason);
        Assert.Equal(0, await askedAgain.Task.WaitAsync(Token));
    }

    [Fact(Timeout = Deadline)]
    public async Task A_stale_reply_in_front_of_the_right_one_is_a_violation()
    {
        await using var server = new ScriptedServer(async client =>
        {
            var first = await client.RequestAsync();
            await client.SendAsync(Frames.Reply(first, 1, 2));
            await client.SendAsync([.. Frames.Reply(first, 666, 666), .. Frames.Reply(await client.RequestAsync(), 3, 4)]);
        });
        using var master = await OpenAsync(server);
        await master.ReadInputRegistersAsync(1, 5016, 2, Token);

        Assert.Equal(UnreachableReason.Violation, (await FailsAsync(master)).Reason);
    }

    [Theory(Timeout = Deadline)]
    [InlineData(0, true)]
    [InlineData(5, true)]
    [InlineData(0, false)]
    [InlineData(5, false)]
    [InlineData(10, false)]
    public async Task A_connection_lost_in_the_middle_of_a_reply_is_closed(int bytesBefore, bool reset)
    {
        await using var server = new ScriptedServer(async client =>
        {
            await client.SendAsync(Frames.Reply(await client.RequestAsync(), 1, 2)[..bytesBefore]);
            if (reset)
            {
                client.Reset();
            }
        });
        using var master = await OpenAsync(server);

        Assert.Equal(UnreachableReason.Closed, (await FailsAsync(master)).Reason);
    }

    [Theory(Timeout = Deadline)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(11)]
    [InlineData(200)]
    public async Task A_refusal_carries_its_code_and_leaves_the_connection_open(byte code)
    {
        await using var server = new ScriptedServer(async client =>
        {
            await client.SendAsync(Frames.Refusal(await client.RequestAsync(), code));
            await client.SendAsync(Frames.Reply(await client.RequestAsync(), 1, 2));
        });
        using var master = await OpenAsync(server);

        var refusal = await Assert.ThrowsAsync<ModbusException>(() => master.ReadInputRegistersAsync(1, 6099, 1, Token));

        Assert.Equal(code, refusal.Code);
        Assert.Equal([1, 2], await master.ReadInputRegistersAsync(1, 5016, 2, Token));
    }

    [Fact(Timeout = Deadline)]
    public async Task Cancelling_in_the_middle_of_a_reply_leaves_no_socket()
    {
        var half = new TaskCompletionSource();
        var closed = new TaskCompletionSource();
        await using var server = new ScriptedServer(async client =>
        {
            await client.SendAsync(Frames.Reply(await client.RequestAsync(), 1, 2)[..8]);
            half.SetResult();
            await client.ClosedAsync();
            closed.SetResult();
        });
        using var master = await OpenAsync(server);
        using var cancelling = CancellationTokenSource.CreateLinkedTokenSource(Token);

        var reading = master.ReadInputRegistersAsync(1, 5016, 2, cancelling.Token);
        await half.Task.WaitAsync(Token);
        await cancelling.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        Assert.False(master.IsOpen);
        await closed.Task.WaitAsync(Token);
    }

    [Theory(Timeout = Deadline)]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", true)]
    [InlineData("SSH-2.0-OpenSSH_9.2p1\r\n", false)]
    public async Task A_port_that_speaks_something_else_is_named_so(string words, bool waitsForARequest)
    {
        var spoken = new TaskCompletionSource();
        await using var server = new ScriptedServer(async client =>
        {
            if (waitsForARequest)
            {
                await client.RequestAsync();
            }

            await client.SendAsync(System.Text.Encoding.ASCII.GetBytes(words));
            spoken.SetResult();
            await client.ClosedAsync();
        });
        using var master = await OpenAsync(server);
        if (!waitsForARequest)
        {
            await spoken.Task.WaitAsync(Token);
        }

        Assert.Equal(UnreachableReason.NotModbus, (await FailsAsync(master)).Reason);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_second_request_in_flight_is_a_programming_error()
    {
        var asked = new TaskCompletionSource();
        var answer = new TaskCompletionSource();
        await using var server = new ScriptedServer(async client =>
        {
            var request = await client.RequestAsync();
            asked.SetResult();
            await answer.Task.WaitAsync(client.Stopping);
            await client.SendAsync(Frames.Reply(request, 1, 2));
        });
        using var master = await OpenAsync(server);

        var first = master.ReadInputRegistersAsync(1, 5016, 2, Token);
        await asked.Task.WaitAsync(Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => master.ReadInputRegistersAsync(1, 5016, 2, Token));
        answer.SetResult();

        Assert.Equal([1, 2], await first);
    }

    [Theory(Timeout = Deadline)]
    [InlineData(0)]
    [InlineData(126)]
    public async Task A_count_that_Modbus_does_not_know_never_reaches_the_wire(ushort points)
    {
        await using var server = new ScriptedServer(client => client.ClosedAsync());
        using var master = await OpenAsync(server);

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => master.ReadInputRegistersAsync(1, 5016, points, Token));
        Assert.True(master.IsOpen);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_port_that_nobody_listens_on_is_refused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();

        var failure = await Assert.ThrowsAsync<ModbusConnectionException>(
            () => ModbusTcpMaster.OpenAsync("127.0.0.1", port, Patience, TimeProvider.System, Token));
        Assert.Equal(UnreachableReason.Refused, failure.Reason);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_name_that_nobody_knows_is_not_found()
    {
        var failure = await Assert.ThrowsAsync<ModbusConnectionException>(
            () => ModbusTcpMaster.OpenAsync("inverter.invalid", 502, Patience, TimeProvider.System, Token));
        Assert.Equal(UnreachableReason.NameNotFound, failure.Reason);
    }
}
