using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Sungrow.Edge.Uplink;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

/// <summary>What released VPSs answered, as this edge reads it; recorded byte for byte, see the end-to-end tests' page.</summary>
public sealed class RecordedAnswersTests
{
    public static TheoryData<string> Recorded() =>
    [
        .. Directory.EnumerateFiles(Path.Combine(Programs.Root, "tests/EndToEnd.Tests/Golden"), "*.answer", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Programs.Root, file)).Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Recorded))]
    public async Task A_recorded_answer_is_ours_and_means_what_its_name_says(string file)
    {
        // NN-state-route-status[-gzip].answer
        var name = Path.GetFileNameWithoutExtension(file).Split('-');
        var status = int.Parse(name[3], CultureInfo.InvariantCulture);
        var bytes = await File.ReadAllBytesAsync(Path.Combine(Programs.Root, file), TestContext.Current.CancellationToken);
        await using var vps = AnswerOf.Start(bytes);
        using var api = Batches.Api(vps.Url);

        switch (name[2])
        {
            case "ingest":
                AssertMeans(status, await api.IngestAsync(Batches.Of(1), TestContext.Current.CancellationToken));
                break;
            case "whoami":
                AssertMeans(status, await api.WhoAmIAsync(TestContext.Current.CancellationToken));
                break;
            default:
                AssertMeans(status, await api.HeartbeatAsync(Report(), TestContext.Current.CancellationToken));
                break;
        }
    }

    private static void AssertMeans<T>(int status, Answer<T> answer)
    {
        if (status == 200)
        {
            Assert.IsType<Answered<T>>(answer);
            return;
        }

        var refused = Assert.IsType<Refused<T>>(answer);
        Assert.Equal(status, refused.Status);
        Assert.Equal(status is 429 or 503, refused.RetryAfter is not null);
        Assert.Equal(status == 422, refused.Problem.Errors is { Count: > 0 });
    }

    private static EdgeReport Report() => new()
    {
        BufferId = Guid.Empty,
        Replaces = null,
        BootId = "boot",
        Version = "0.1.0",
        StartedAt = DateTimeOffset.UnixEpoch,
        SentAt = DateTimeOffset.UnixEpoch,
        ClockTrusted = true,
        PollIntervalS = 10,
        SamplesPerRow = 1,
        Inverter = new(null, null, Reachable: false, null),
        Cursors = new Dictionary<string, long>(),
        Waiting = new(0, 0, null, null),
        Counters = new(0, 0, 0, 0),
        Missing = [],
        Gaps = [],
    };

    /// <summary>A server that answers anything with these bytes.</summary>
    private sealed class AnswerOf(TcpListener listener, Task serving) : IAsyncDisposable
    {
        public Uri Url => new($"http://{listener.LocalEndpoint}");

        public static AnswerOf Start(byte[] answer)
        {
            var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            return new(listener, ServeAsync(listener, answer));
        }

        public async ValueTask DisposeAsync()
        {
            await serving;
            listener.Dispose();
        }

        private static async Task ServeAsync(TcpListener listener, byte[] answer)
        {
            using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
            var seen = new StringBuilder();
            var buffer = new byte[64 * 1024];
            // These requests are small: the head, and after it what Content-Length says.
            while (!IsWhole(seen.ToString()))
            {
                var read = await client.GetStream().ReadAsync(buffer, TestContext.Current.CancellationToken);
                Assert.NotEqual(0, read);
                seen.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }

            await client.GetStream().WriteAsync(answer, TestContext.Current.CancellationToken);
        }

        private static bool IsWhole(string request)
        {
            var end = request.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            const string Length = "\r\nContent-Length: ";
            var at = request.IndexOf(Length, StringComparison.Ordinal);
            return end >= 0
                && request.Length - end - 4 >= (at < 0 ? 0 : int.Parse(request[(at + Length.Length)..].Split('\r')[0], CultureInfo.InvariantCulture));
        }
    }
}
