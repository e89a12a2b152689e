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

    private ScriptedVps(WebApplication server)
    {
        _server = server;
        Ingest = StoreAsync;
    }

    /// <summary>What came, in its order.</summary>
    public IReadOnlyList<Request> Requests => [.. _requests];

    /// <summary>Of <c>/v1/ingest</c> alone.</summary>
    public IReadOnlyList<Request> Batches => [.. _requests.Where(request => request.Path == "/v1/ingest")];

    public ICollection<SungrowSample> Stored => _stored.Values;

    /// <summary>What <c>/v1/ingest</c> answers when nothing is scripted; at first it stores.</summary>
    public Func<HttpContext, Request, Task> Ingest { get; set; }

    /// <summary>What <c>/v1/whoami</c> answers when nothing is scripted.</summary>
    public Func<HttpContext, Request, Task> WhoAmI { get; set; } = Answers.Me();

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
        var (inserted, duplicates, conflicts) = (0, 0, 0);
        foreach (var sample in request.Samples)
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

    public Task StoreAsync(HttpContext context, Request request) => Answers.CountsAsync(context, Store(request));

    /// <summary>Refuses the samples that <paramref name="code"/> has a code for, each by its index, and then stores nothing.</summary>
    public Func<HttpContext, Request, Task> Naming(Func<SungrowSample, string?> code) => (context, request) =>
    {
        var bad = request.Samples.Select((sample, index) => (Index: index, Code: code(sample))).Where(row => row.Code is not null).ToList();
        return bad.Count > 0 ? Answers.Invalid(context, bad!) : StoreAsync(context, request);
    };

    /// <summary>Refuses a batch with a sample that is <paramref name="bad"/>, and does not say which.</summary>
    public Func<HttpContext, Request, Task> Silent(int status, string code, Func<SungrowSample, bool> bad) => (context, request) =>
        request.Samples.Any(bad) ? Answers.Problem(status, code)(context, request) : StoreAsync(context, request);

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
            await (request.Path.EndsWith("/v1/whoami", StringComparison.Ordinal) ? WhoAmI : Ingest)(context, request);
        }
    }
}

/// <param name="Raw">As it travelled.</param>
/// <param name="Body">Decompressed.</param>
internal sealed record Request(string Method, string Path, IReadOnlyDictionary<string, string> Headers, byte[] Raw, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);

    public IReadOnlyList<SungrowSample> Samples { get; private init; } = [];

    public IReadOnlyList<long> Seqs => [.. Samples.Select(sample => sample.Seq!.Value)];

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
        var bytes = body.ToArray();
        return new(request.Method, request.Path, headers, raw.ToArray(), bytes)
        {
            Samples = bytes.Length > 0 && request.Path.Value!.EndsWith("/v1/ingest", StringComparison.Ordinal) ? Read(bytes) : [],
        };
    }

    private static List<SungrowSample> Read(byte[] body)
    {
        var read = IngestBatchReader.Read(body, SampleWindow.At(DateTimeOffset.MaxValue.AddYears(-1), null));
        Assert.Null(read.Malformed);
        return read.Samples;
    }
}
