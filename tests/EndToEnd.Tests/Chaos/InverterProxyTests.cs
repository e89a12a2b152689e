using System.Net;
using System.Net.Sockets;

namespace Sungrow.EndToEnd.Tests.Chaos;

public sealed class InverterProxyTests : IAsyncDisposable
{
    // Transaction 1, six bytes: read two input registers; and its answer.
    private static readonly byte[] Request = [0, 1, 0, 0, 0, 6, 1, 4, 0x13, 0x87, 0, 2];
    private static readonly byte[] Answer = [0, 1, 0, 0, 0, 7, 1, 4, 4, 0x12, 0x34, 0x56, 0x78];

    private readonly TcpListener _inverter = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly InverterProxy _proxy;
    private readonly Task _serving;
    private int _asked;

    public InverterProxyTests()
    {
        _inverter.Start();
        _serving = ServeAsync();
        _proxy = new(((IPEndPoint)_inverter.LocalEndpoint).Port);
    }

    [Fact]
    public async Task Undisturbed_request_and_answer_go_through()
    {
        using var edge = await ConnectAsync();

        for (var poll = 0; poll < 3; poll++)
        {
            Assert.Equal(Answer, await AskAsync(edge, Answer.Length));
        }

        Assert.Equal((3, 3), (_asked, _proxy.Requests));
    }

    [Fact]
    public async Task A_cut_ends_the_connection_without_an_answer()
    {
        using var edge = await ConnectAsync();
        _proxy.Begin(Fault.InverterCut);

        Assert.Empty(await AskAsync(edge, Answer.Length));
        Assert.Equal((0, 1), (_asked, _proxy.Met));
    }

    [Fact]
    public async Task A_reset_breaks_the_answer_in_the_middle()
    {
        using var edge = await ConnectAsync();
        _proxy.Begin(Fault.InverterReset);

        byte[] got = [];
        try
        {
            got = await AskAsync(edge, Answer.Length);
        }
        catch (IOException)
        {
            // The half may come before the reset is seen, or not.
        }

        Assert.True(got.Length < Answer.Length);
        Assert.Equal(1, _asked);
    }

    [Fact]
    public async Task A_stall_is_silent_until_the_edge_gives_up_and_the_inverter_is_never_asked()
    {
        using var edge = await ConnectAsync();
        _proxy.Begin(Fault.InverterStall);

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AskAsync(edge, Answer.Length, patience.Token));
        Assert.Equal((0, 1), (_asked, _proxy.Met));
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _stop.CancelAsync();
        await _serving;
        _inverter.Stop();
        _stop.Dispose();
    }

    private async Task<TcpClient> ConnectAsync()
    {
        TcpClient edge = new();
        await edge.ConnectAsync(IPAddress.Loopback, _proxy.Port);
        return edge;
    }

    private static async Task<byte[]> AskAsync(TcpClient edge, int length, CancellationToken cancellationToken = default)
    {
        await edge.GetStream().WriteAsync(Request, cancellationToken);
        var answer = new byte[length];
        var read = await edge.GetStream().ReadAtLeastAsync(answer, length, throwOnEndOfStream: false, cancellationToken);
        return answer[..read];
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _inverter.AcceptTcpClientAsync(_stop.Token);
                var request = new byte[Request.Length];
                while (await client.GetStream().ReadAtLeastAsync(request, request.Length, throwOnEndOfStream: false, _stop.Token) == request.Length)
                {
                    Interlocked.Increment(ref _asked);
                    await client.GetStream().WriteAsync(Answer);
                }
            }
        }
        catch (Exception over) when (over is OperationCanceledException or IOException)
        {
            // The test is over.
        }
    }
}
