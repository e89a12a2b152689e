using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Polling;
using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>The VPS as the edge sees it. None of these throws for anything a network or a server can do.</summary>
internal interface IIngestApi
{
    /// <summary><c>POST /v1/ingest</c>.</summary>
    Task<Answer<IngestAnswer>> IngestAsync(WireBody batch, CancellationToken cancellationToken);

    /// <summary><c>POST /v1/heartbeat</c>.</summary>
    Task<Answer<HeartbeatAnswer>> HeartbeatAsync(EdgeReport report, CancellationToken cancellationToken);

    /// <summary><c>GET /v1/whoami</c>.</summary>
    Task<Answer<WhoAmI>> WhoAmIAsync(CancellationToken cancellationToken);
}

/// <summary>The typed client. One connection pool; no redirect is followed, as it could carry the token elsewhere; bodies travel with
/// <c>Content-Length</c>, as a proxy answers a chunked one that is too large with a 502 of its own.</summary>
internal sealed class IngestApi : IIngestApi, IDisposable
{
    // The largest answer of ours lists every error of 5,000 samples.
    private const int MaxAnswerBytes = 8 * 1024 * 1024;

    private readonly HttpClient _http;
    private readonly UplinkOptions _options;
    private readonly TimeProvider _time;
    private readonly ClockTrust? _clock;
    private volatile string _token;

    public IngestApi(IOptions<UplinkOptions> options, TimeProvider time, ClockTrust? clock = null)
    {
        _clock = clock;
        _options = options.Value;
        _time = time;
        _http = new HttpClient(Handler(_options))
        {
            BaseAddress = _options.BaseAddress(),
            Timeout = Timeout.InfiniteTimeSpan, // Each request has its own, below.
            MaxResponseContentBufferSize = MaxAnswerBytes,
        };
        _token = _options.ReadToken();
    }

    public Task<Answer<IngestAnswer>> IngestAsync(WireBody batch, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, "v1/ingest", batch, ProtocolJson.Default.IngestAnswer, cancellationToken);

    public Task<Answer<HeartbeatAnswer>> HeartbeatAsync(EdgeReport report, CancellationToken cancellationToken) =>
        SendAsync(
            HttpMethod.Post,
            "v1/heartbeat",
            WireBody.Of(report, ProtocolJson.Default.EdgeReport),
            ProtocolJson.Default.HeartbeatAnswer,
            cancellationToken);

    public Task<Answer<WhoAmI>> WhoAmIAsync(CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, "v1/whoami", null, ProtocolJson.Default.WhoAmI, cancellationToken);

    public void Dispose() => _http.Dispose();

    private async Task<Answer<T>> SendAsync<T>(
        HttpMethod method, string path, WireBody? body, JsonTypeInfo<T> form, CancellationToken cancellationToken)
    {
        var token = _token;
        var answer = await SendAsync(method, path, body, form, token, cancellationToken);
        if (answer is not Refused<T> { Status: 401 } || _options.TryReadToken() is not { } newer || newer == token)
        {
            return answer;
        }

        // The token's file was rotated under us.
        _token = newer;
        return await SendAsync(method, path, body, form, newer, cancellationToken);
    }

    private async Task<Answer<T>> SendAsync<T>(
        HttpMethod method, string path, WireBody? body, JsonTypeInfo<T> form, string token, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(_options.Timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        using var request = new HttpRequestMessage(method, path) { Content = body?.Content() };
        request.Headers.Authorization = new("Bearer", token);
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseContentRead, either.Token);
            _clock?.Heard(_http.BaseAddress!, response.Headers.Date);
            var bytes = await response.Content.ReadAsByteArrayAsync(either.Token);
            // As it came: the parsed header knows neither a huge number nor a second line.
            IEnumerable<string> retryAfter = response.Headers.NonValidated.TryGetValues("Retry-After", out var lines) ? lines : [];
            return Answer.Read(
                (int)response.StatusCode,
                response.Content.Headers.ContentType?.MediaType,
                retryAfter,
                response.Headers.Date,
                bytes,
                form,
                _time.GetUtcNow());
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new NoAnswer<T>($"no whole answer within {_options.Timeout.TotalSeconds:0} s (Uplink__Timeout).");
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException)
        {
            return new NoAnswer<T>(Sentence(broken));
        }
    }

    private string Sentence(Exception broken) => broken switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } =>
            $"the name {_http.BaseAddress!.Host} cannot be resolved: check Uplink__Url and the network's DNS.",
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } =>
            $"{_http.BaseAddress!.Authority} shows no certificate that can be trusted: check its dates, its name and Uplink__CaFile.",
        HttpRequestException { InnerException: AuthenticationException } =>
            $"{_http.BaseAddress!.Authority} shows no certificate that can be trusted: check its dates, its name and Uplink__CaFile.",
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } =>
            $"no connection to {_http.BaseAddress!.Authority}: is the VPS up, and the address in Uplink__Url right?",
        HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } =>
            "the answer was far too large to be our VPS's: check Uplink__Url.",
        _ => $"the connection to {_http.BaseAddress!.Authority} broke before the answer was whole.",
    };

    private static SocketsHttpHandler Handler(UplinkOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            // A proxy of the environment for our own machine would carry the token out readable, and could not reach the VPS.
            UseProxy = !options.BaseAddress().IsLoopback,
            ConnectTimeout = options.Timeout,
            // An address that moved is found again without a restart.
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        if (options.CaFile is not null)
        {
            var authorities = options.Certificates();
            handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck, // An authority of one's own publishes no list.
            };
            handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        }

        return handler;
    }
}
