using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Sungrow.Edge.Uplink;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public sealed class IngestApiTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(500)]
    [InlineData(5000)]
    public async Task A_batch_travels_whole_with_its_length_and_compressed_above_a_kilobyte(int samples)
    {
        await using var vps = await ScriptedVps.StartAsync();
        using var api = Batches.Api(vps.Url);

        var answer = await api.IngestAsync(Batches.Of(samples), Cancelled);

        Assert.Equal(new Answered<IngestAnswer>(new(samples, 0, 0)), answer);
        var request = Assert.Single(vps.Requests);
        Assert.Equal(("POST", "/v1/ingest"), (request.Method, request.Path));
        Assert.Equal($"Bearer {Batches.Token}", request.Headers["Authorization"]);
        Assert.Equal("application/json", request.Headers["Content-Type"]);
        Assert.Equal(request.Raw.Length, int.Parse(request.Headers["Content-Length"], CultureInfo.InvariantCulture));
        Assert.DoesNotContain("Transfer-Encoding", request.Headers.Keys);
        Assert.Equal(request.Body.Length > 1024 ? "gzip" : null, request.Headers.GetValueOrDefault("Content-Encoding"));
        Assert.True(request.Raw.Length <= request.Body.Length);
        Assert.StartsWith("""{"buffer_id":"6f1c2f0a-4b7e-4d55-9a60-0c6d2a5f3b11","samples":[{""", request.Text, StringComparison.Ordinal);
        Assert.Equal(Batches.Of(samples).Samples.ToHashSet(), vps.Stored.ToHashSet());
    }

    [Theory]
    [InlineData("", "/v1/whoami")]
    [InlineData("/", "/v1/whoami")]
    [InlineData("/home/sungrow", "/home/sungrow/v1/whoami")]
    [InlineData("/home/sungrow/", "/home/sungrow/v1/whoami")]
    [InlineData(" ", "/v1/whoami")]
    public async Task A_path_in_the_address_is_a_prefix(string suffix, string path)
    {
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(Answers.Plain(200, "application/json", """
            {"device_id":"SN1","tenant":"t","site":"s","time_zone":"UTC","server_time":"2026-09-08T12:00:00Z","limits":{"max_samples":5000,
            "max_payload_bytes":4194304,"samples_per_second":0,"burst_samples":0,"requests_per_second":0,"burst_requests":0}}
            """));
        using var api = Batches.Api(vps.Url, more: options => options.Url = vps.Url.ToString().TrimEnd('/') + suffix);

        Assert.Equal("SN1", Assert.IsType<Answered<WhoAmI>>(await api.WhoAmIAsync(Cancelled)).Body.DeviceId);

        var request = Assert.Single(vps.Requests);
        Assert.Equal(("GET", path), (request.Method, request.Path));
        Assert.Equal($"Bearer {Batches.Token}", request.Headers["Authorization"]);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_not_followed_and_the_token_goes_nowhere_else(int status)
    {
        await using var elsewhere = await ScriptedVps.StartAsync();
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(Answers.Redirect(status, new Uri(elsewhere.Url, "/v1/ingest")));
        using var api = Batches.Api(vps.Url);

        Assert.IsType<NoAnswer<IngestAnswer>>(await api.IngestAsync(Batches.Of(1), Cancelled));

        Assert.Empty(elsewhere.Requests);
    }

    public static TheoryData<string> Stalls => ["silence", "trickle"];

    [Theory]
    [MemberData(nameof(Stalls))]
    public async Task An_answer_that_is_not_whole_in_time_is_none(string stall)
    {
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(stall == "silence" ? Answers.Silence : Answers.Trickle);
        var time = new FakeTime(DateTimeOffset.UnixEpoch);
        using var api = Batches.Api(vps.Url, time, options => options.Timeout = TimeSpan.FromSeconds(30));
        var sending = api.IngestAsync(Batches.Of(1), Cancelled);
        await Until.TrueAsync(() => vps.Requests.Count == 1, cancellationToken: Cancelled);

        time.Advance(TimeSpan.FromSeconds(29));
        Assert.False(sending.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Contains("within 30 s (Uplink__Timeout)", Assert.IsType<NoAnswer<IngestAnswer>>(await sending).Sentence);
    }

    [Fact]
    public async Task A_connection_that_breaks_before_or_within_the_answer_is_none()
    {
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(Answers.Reset);
        vps.Next(Answers.ResetWithin);
        using var api = Batches.Api(vps.Url);

        Assert.Contains("broke before the answer was whole", NoAnswer(await api.IngestAsync(Batches.Of(1), Cancelled)));
        Assert.Contains("broke before the answer was whole", NoAnswer(await api.IngestAsync(Batches.Of(1), Cancelled)));
    }

    [Fact]
    public async Task An_answer_without_an_end_is_cut_off()
    {
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(Answers.Endless);
        using var api = Batches.Api(vps.Url);

        Assert.Contains("far too large", NoAnswer(await api.IngestAsync(Batches.Of(1), Cancelled)));
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_named()
    {
        var port = FreePort.Next();
        using var api = Batches.Api(new Uri($"http://127.0.0.1:{port}"));

        Assert.Contains($"no connection to 127.0.0.1:{port}", NoAnswer(await api.IngestAsync(Batches.Of(1), Cancelled)));
    }

    [Fact]
    public async Task A_name_that_does_not_exist_is_named()
    {
        using var api = Batches.Api(new Uri("https://vps.invalid"));

        Assert.Contains("the name vps.invalid cannot be resolved", NoAnswer(await api.IngestAsync(Batches.Of(1), Cancelled)));
    }

    [Fact]
    public async Task Something_that_does_not_speak_http_is_no_answer()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var api = Batches.Api(new Uri($"http://{listener.LocalEndpoint}"));
        var sending = api.IngestAsync(Batches.Of(1), Cancelled);
        using (var connection = await listener.AcceptTcpClientAsync(Cancelled))
        {
            await connection.GetStream().WriteAsync("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"u8.ToArray(), Cancelled);
        }

        NoAnswer(await sending);
    }

    [Fact]
    public async Task The_caller_may_give_up()
    {
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(Answers.Silence);
        using var api = Batches.Api(vps.Url);
        using var stop = new CancellationTokenSource();
        var sending = api.IngestAsync(Batches.Of(1), stop.Token);
        await Until.TrueAsync(() => vps.Requests.Count == 1, cancellationToken: Cancelled);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending.WaitAsync(Until.Deadline, Cancelled));
    }

    [Fact]
    public async Task No_sentence_repeats_the_token()
    {
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(Answers.Plain(200, "text/plain", $"your token {Batches.Token} is fine"));
        vps.Next(Answers.Reset);
        using var api = Batches.Api(vps.Url);

        Assert.DoesNotContain(Batches.Token, NoAnswer(await api.IngestAsync(Batches.Of(1), Cancelled)));
        Assert.DoesNotContain(Batches.Token, NoAnswer(await api.IngestAsync(Batches.Of(1), Cancelled)));
    }

    private static string NoAnswer(Answer<IngestAnswer> answer)
    {
        var sentence = Assert.IsType<NoAnswer<IngestAnswer>>(answer).Sentence;
        Assert.DoesNotContain('\n', sentence);
        return sentence;
    }
}
