using System.Net;
using System.Net.Sockets;
using System.Text;
using Sungrow.Edge.Uplink;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

/// <summary>Answers as they come over a bad line, written to the socket byte by byte: what is not whole is none.</summary>
public sealed class CutAnswerTests
{
    private const string Ours = """{"inserted":1,"duplicates":0,"conflicts":0}""";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Cuts => new()
    {
        { "before a byte", "" },
        { "in the status line", "HTTP/1.1 20" },
        { "after the status line", "HTTP/1.1 200 OK\r\n" },
        { "in the headers", "HTTP/1.1 200 OK\r\nContent-Type: application/js" },
        { "after the headers", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 43\r\n\r\n" },
        { "one byte before the end", "HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n" + Ours },
        { "in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2b\r\n{\"inserted\":1" },
        { "before the last chunk", $"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2b\r\n{Ours}\r\n" },
        { "in a body that ends with the connection", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"inserted\":1,\"duplicates\":0" },
        { "by a length of nothing", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
        { "by a length too short", $"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{Ours}" },
        { "by an interim answer alone", "HTTP/1.1 100 Continue\r\n\r\n" },
        { "by another protocol", "SSH-2.0-OpenSSH_9.2p1\r\n" },
    };

    [Theory]
    [MemberData(nameof(Cuts))]
    public async Task An_answer_cut(string where, string bytes)
    {
        Assert.NotEmpty(where);
        Assert.IsType<NoAnswer<IngestAnswer>>(await AskAsync(bytes));
    }

    [Fact]
    public async Task The_same_answer_whole_is_taken() =>
        Assert.IsType<Answered<IngestAnswer>>(await AskAsync($"HTTP/1.1 200 OK\r\nContent-Length: 43\r\n\r\n{Ours}"));

    [Fact]
    public async Task Two_retry_after_lines_and_a_huge_one_are_understood()
    {
        const string Body = """{"code":"RATE_LIMITED"}""";
        const string Head = "HTTP/1.1 429 No\r\nContent-Type: application/problem+json\r\nContent-Length: 23\r\n";

        var two = await AskAsync($"{Head}Retry-After: 5\r\nRetry-After: 120\r\n\r\n{Body}");
        Assert.Equal(TimeSpan.FromSeconds(120), Assert.IsType<Refused<IngestAnswer>>(two).RetryAfter);
        var huge = await AskAsync($"{Head}Retry-After: 99999999999999999999\r\n\r\n{Body}");
        Assert.Equal(TimeSpan.MaxValue, Assert.IsType<Refused<IngestAnswer>>(huge).RetryAfter);
        var garbage = await AskAsync($"{Head}Retry-After: soon\r\n\r\n{Body}");
        Assert.Null(Assert.IsType<Refused<IngestAnswer>>(garbage).RetryAfter);
        var dated = await AskAsync(
            $"{Head}Date: Thu, 01 Jan 1970 00:00:10 GMT\r\nRetry-After: Thu, 01 Jan 1970 00:01:00 GMT\r\n\r\n{Body}");
        Assert.Equal(TimeSpan.FromSeconds(50), Assert.IsType<Refused<IngestAnswer>>(dated).RetryAfter);
    }

    /// <summary>A byte now and then keeps the connection alive, but not the answer.</summary>
    [Fact]
    public async Task An_answer_that_trickles_is_given_up_after_the_timeout()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var time = new FakeTime(DateTimeOffset.UnixEpoch);
        using var api = Batches.Api(new Uri($"http://{listener.LocalEndpoint}"), time);
        var sending = api.IngestAsync(Batches.Of(1), Cancelled);
        using var connection = await listener.AcceptTcpClientAsync(Cancelled);
        await connection.GetStream().WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 43\r\n\r\n"u8.ToArray(), Cancelled);
        for (var second = 0; second < 29; second++)
        {
            await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes(Ours[second..(second + 1)]), Cancelled);
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.False(sending.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Contains("within 30 s", Assert.IsType<NoAnswer<IngestAnswer>>(await sending).Sentence, StringComparison.Ordinal);
    }

    private static async Task<Answer<IngestAnswer>> AskAsync(string answer)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var api = Batches.Api(new Uri($"http://{listener.LocalEndpoint}"));
        var sending = api.IngestAsync(Batches.Of(1), Cancelled);
        using (var connection = await listener.AcceptTcpClientAsync(Cancelled))
        {
            // All of the request first: closing with bytes unread would be a reset.
            await ReadRequestAsync(connection.GetStream());
            await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer), Cancelled);
        }

        return await sending.WaitAsync(Until.Deadline, Cancelled);
    }

    private static async Task ReadRequestAsync(NetworkStream stream)
    {
        var request = new StringBuilder();
        var buffer = new byte[4096];
        while (!request.ToString().EndsWith("]}", StringComparison.Ordinal))
        {
            var read = await stream.ReadAsync(buffer, Cancelled);
            Assert.NotEqual(0, read);
            request.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }
    }
}
