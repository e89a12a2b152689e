using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

/// <summary>A server on loopback that stores samples under their key, as ours does, unless a test scripts the next answer.</summary>
internal sealed class ScriptedVps : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly ConcurrentQueue<Func<HttpContext, Request, Task>> _script = new();
    private readonly ConcurrentQueue<Request> _requests = new();
    private readonly ConcurrentDictionary<(string DeviceId, DateTimeOffset Ts), SungrowSample> _stored = new();

    private ScriptedVps(WebApplication server) => _server = server;

    /// <summary>What came, in its order.</summary>
    public IReadOnlyList<Request> Requests => [.. _requests];

    public ICollection<SungrowSample> Stored => _stored.Values;

    public Uri Url => new(_server.Urls.Single());

    public static async Task<ScriptedVps> StartAsync(int port = 0, X509Certificate2? certificate = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listener =>
        {
            listener.Protocols = HttpProtocols.Http1;
            if (certificate is not null)
            {
                listener.UseHttps(certificate);
            }
        }));
        var server = builder.Build();
        var vps = new ScriptedVps(server);
        server.Run(vps.AnswerAsync);
        await server.StartAsync(TestContext.Current.CancellationToken);
        return vps;
    }

    /// <summary>Scripts the answer to the next request that none is scripted for.</summary>
    public void Next(Func<HttpContext, Request, Task> answer) => _script.Enqueue(answer);

    /// <summary>Stores the batch and counts, as the real one does.</summary>
    public IngestAnswer Store(Request request)
    {
        var read = IngestBatchReader.Read(request.Body, SampleWindow.At(TimeProvider.System.GetUtcNow().AddYears(10), null));
        Assert.Null(read.Malformed);
        Assert.Empty(read.Errors);
        var (inserted, duplicates, conflicts) = (0, 0, 0);
        foreach (var sample in read.Samples)
        {
            if (_stored.TryAdd((sample.DeviceId, sample.Ts), sample))
            {
                inserted++;
            }
            else if (_stored[(sample.DeviceId, sample.Ts)] == sample)
            {
                duplicates++;
            }
            else
            {
                conflicts++;
            }
        }

        return new(inserted, duplicates, conflicts);
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _server.StopAsync(now.Token);
        await _server.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var request = await Request.ReadAsync(context.Request);
        _requests.Enqueue(request);
        if (_script.TryDequeue(out var scripted))
        {
            await scripted(context, request);
        }
        else if (request.Path.EndsWith("/v1/heartbeat", StringComparison.Ordinal))
        {
            await context.Response.WriteAsync(
                """{"server_time":"2026-09-08T06:00:00Z","resend":[],"repeat_since":null}""", context.RequestAborted);
        }
        else
        {
            await Answers.CountsAsync(context, Store(request));
        }
    }
}

/// <param name="Raw">As it travelled.</param>
/// <param name="Body">Decompressed.</param>
internal sealed record Request(string Method, string Path, IReadOnlyDictionary<string, string> Headers, byte[] Raw, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);

    public static async Task<Request> ReadAsync(HttpRequest request)
    {
        using var raw = new MemoryStream();
        await request.Body.CopyToAsync(raw, request.HttpContext.RequestAborted);
        var body = new MemoryStream(raw.ToArray());
        if (request.Headers.ContentEncoding == "gzip")
        {
            using var gzip = new GZipStream(body, CompressionMode.Decompress);
            body = new MemoryStream();
            await gzip.CopyToAsync(body, request.HttpContext.RequestAborted);
        }

        var headers = request.Headers.ToDictionary(
            header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        return new(request.Method, request.Path, headers, raw.ToArray(), body.ToArray());
    }
}
