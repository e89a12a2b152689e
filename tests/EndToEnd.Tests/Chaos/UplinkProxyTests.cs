using System.Net;
using System.Text;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>Each fault does what its name says, in front of a server that counts what reaches it.</summary>
public sealed class UplinkProxyTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly HttpListener _vps = new();
    private readonly HttpClient _edge = new() { Timeout = Patience };
    private readonly UplinkProxy _proxy;
    private readonly Task _serving;
    private int _reached;

    public UplinkProxyTests()
    {
        var port = FreePort.Next();
        _vps.Prefixes.Add($"http://127.0.0.1:{port}/");
        _vps.Start();
        _serving = ServeAsync();
        _proxy = new(port);
    }

    [Fact]
    public async Task Undisturbed_every_request_and_answer_goes_through()
    {
        for (var seq = 1; seq <= 3; seq++)
        {
            Assert.Equal(HttpStatusCode.OK, await SendAsync(seq));
        }

        Assert.Equal((3, 3), (_reached, _proxy.Passed));
        Assert.Null(_proxy.Broken);
    }

    [Theory]
    [InlineData(nameof(Fault.RateLimited), 429)]
    [InlineData(nameof(Fault.Unavailable), 503)]
    [InlineData(nameof(Fault.ForeignPage), 200)]
    [InlineData(nameof(Fault.ForeignError), 502)]
    [InlineData(nameof(Fault.PoisonSample), 422)]
    [InlineData(nameof(Fault.UplinkCut), 0)]
    [InlineData(nameof(Fault.UplinkReset), 0)]
    public async Task The_VPS_hears_nothing_of_it(string fault, int status)
    {
        _proxy.Begin(Enum.Parse<Fault>(fault));

        Assert.Equal((HttpStatusCode)status, await SendAsync(1));
        Assert.Equal((0, 0), (_reached, _proxy.Passed));
        Assert.True(_proxy.Met >= 1);
    }

    [Theory]
    [InlineData(nameof(Fault.AnswerLost))]
    [InlineData(nameof(Fault.AnswerCut))]
    [InlineData(nameof(Fault.UplinkStall))]
    [InlineData(nameof(Fault.AnswerTrickles))]
    public async Task The_VPS_took_it_and_the_edge_does_not_know(string fault)
    {
        _proxy.Begin(Enum.Parse<Fault>(fault));

        Assert.Equal(default(HttpStatusCode), await SendAsync(1));
        Assert.True(_reached >= 1); // The client may try a connection's first request again by itself.
        Assert.Equal(0, _proxy.Passed);
    }

    [Fact]
    public async Task A_batch_is_refused_and_a_sample_alone_is_not()
    {
        _proxy.Begin(Fault.TooLarge);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await SendAsync(1, 2));
        Assert.Equal(HttpStatusCode.OK, await SendAsync(1));
        Assert.Equal(HttpStatusCode.OK, await SendAsync(2));
    }

    [Fact]
    public async Task A_poison_sample_stays_poison_and_one_that_went_on_never_becomes_it()
    {
        await SendAsync(1, 2);
        _proxy.Begin(Fault.PoisonSample);
        Assert.Equal(HttpStatusCode.OK, await SendAsync(1, 2)); // Stored, perhaps: refusing them now would be a lie.
        Assert.Equal(HttpStatusCode.UnprocessableEntity, await SendAsync(2, 3));
        Assert.Equal(1, _proxy.Met);
        _proxy.End();

        Assert.Equal(HttpStatusCode.UnprocessableEntity, await SendAsync(3, 4));
        Assert.Equal(HttpStatusCode.OK, await SendAsync(4));
        Assert.Equal(1, _proxy.Poisoned);
    }

    [Fact]
    public async Task A_replayed_request_comes_again_at_once_and_once_more_later()
    {
        _proxy.Begin(Fault.RequestReplayed);
        await SendAsync(1);
        await Until.TrueAsync(() => Volatile.Read(ref _reached) == 2);
        _proxy.End();

        await Until.TrueAsync(() => Volatile.Read(ref _reached) == 3 && _proxy.Replayed == 2);
    }

    [Fact]
    public async Task What_is_no_batch_is_left_alone()
    {
        _proxy.Begin(Fault.UplinkCut);

        using var answer = await _edge.PostAsync($"http://127.0.0.1:{_proxy.Port}/v1/heartbeat", new StringContent("{}"));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task A_chunked_body_is_the_edge_s_mistake()
    {
        using HttpRequestMessage request = new(HttpMethod.Post, $"http://127.0.0.1:{_proxy.Port}/v1/ingest") { Content = new StringContent("{}") };
        request.Headers.TransferEncodingChunked = true;

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => _edge.SendAsync(request));
        await Until.TrueAsync(() => _proxy.Broken is InvalidDataException);
    }

    public async ValueTask DisposeAsync()
    {
        _edge.Dispose();
        await _proxy.DisposeAsync();
        _vps.Close();
        await _serving;
    }

    /// <returns>0 where no whole answer came.</returns>
    private async Task<HttpStatusCode> SendAsync(params int[] seqs)
    {
        var samples = string.Join(',', seqs.Select(seq => $$"""{"seq":{{seq}}}"""));
        using StringContent body = new(
            $$"""{"buffer_id":"00000000-0000-0000-0000-000000000001","samples":[{{samples}}]}""", Encoding.UTF8, "application/json");
        try
        {
            using var answer = await _edge.PostAsync($"http://127.0.0.1:{_proxy.Port}/v1/ingest", body);
            return answer.StatusCode;
        }
        catch (Exception none) when (none is HttpRequestException or OperationCanceledException)
        {
            return default;
        }
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var context = await _vps.GetContextAsync();
                Interlocked.Increment(ref _reached);
                await context.Request.InputStream.CopyToAsync(Stream.Null);
                context.Response.ContentType = "application/json";
                await context.Response.OutputStream.WriteAsync("""{"inserted":1,"duplicates":0,"conflicts":0}"""u8.ToArray());
                context.Response.Close();
            }
        }
        catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
