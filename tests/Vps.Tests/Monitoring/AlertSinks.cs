using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Sungrow.Vps.Tests.Monitoring;

/// <summary>A webhook: keeps what is posted, and can refuse it.</summary>
internal sealed class WebhookSink(WebApplication app) : IAsyncDisposable
{
    private int _refuse;

    public ConcurrentQueue<string> Bodies { get; } = [];

    public string Url => app.Urls.First() + "/hook";

    public static async Task<WebhookSink> StartAsync()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        WebhookSink sink = new(app);
        app.MapPost("/hook", async (HttpRequest request) =>
        {
            using var reader = new StreamReader(request.Body);
            var body = await reader.ReadToEndAsync();
            if (Interlocked.Decrement(ref sink._refuse) >= 0)
            {
                return Results.StatusCode(503);
            }

            sink.Bodies.Enqueue(body);
            return Results.NoContent();
        });
        await app.StartAsync();
        return sink;
    }

    /// <summary>The next ones are answered 503.</summary>
    public void Refuse(int posts) => _refuse = posts;

    public ValueTask DisposeAsync() => app.DisposeAsync();
}

/// <summary>A mail server that takes everything: as much of SMTP as a client asks for.</summary>
internal sealed class SmtpSink : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    public SmtpSink()
    {
        _listener.Start();
        _serving = ServeAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Headers and text, as they came.</summary>
    public ConcurrentQueue<string> Mails { get; } = [];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                await TalkAsync(client.GetStream(), _stop.Token);
            }
            catch (Exception over) when (over is OperationCanceledException or IOException)
            {
                // The next client, or the end.
            }
        }
    }

    private async Task TalkAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII);
        await SayAsync("220 sink");
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line == "DATA")
            {
                await SayAsync("354 go on");
                StringBuilder mail = new();
                while (await reader.ReadLineAsync(cancellationToken) is { } part && part != ".")
                {
                    mail.Append(part).Append('\n');
                }

                Mails.Enqueue(mail.ToString());
            }

            await SayAsync(line.StartsWith("QUIT", StringComparison.Ordinal) ? "221 bye" : "250 ok");
        }

        async Task SayAsync(string answer) => await stream.WriteAsync(Encoding.ASCII.GetBytes(answer + "\r\n"), cancellationToken);
    }
}
