using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Sungrow.Edge.Metrics;

/// <summary>Answers <c>GET /metrics</c>, one caller at a time, each within <see cref="PerCaller"/>. Not a web server: one would cost a Pi
/// more memory than the rest of the daemon. A port that is taken, or a caller that misbehaves, never ends more than itself.</summary>
internal sealed class MetricsEndpoint(
    IOptions<MetricsOptions> options, MeterReadings readings, TimeProvider time, ILogger<MetricsEndpoint> logger) : BackgroundService
{
    private const int MaxHeadBytes = 8 * 1024;

    private static readonly TimeSpan PerCaller = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan NextTry = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var said = false;
        while (true)
        {
            try
            {
                await ServeAsync(options.Value.Endpoint()!, stoppingToken);
            }
            catch (SocketException broken)
            {
                // An address that comes with the network, or a port that another program holds: metrics come when it is there.
                if (!said)
                {
                    Log.MetricsNotServed(logger, options.Value.Url!, broken.SocketErrorCode);
                    said = true;
                }

                await Task.Delay(NextTry, time, stoppingToken);
            }
        }
    }

    private async Task ServeAsync(IPEndPoint endpoint, CancellationToken stoppingToken)
    {
        using var listener = new TcpListener(endpoint);
        listener.Start();
        Log.MetricsServed(logger, endpoint);
        while (true)
        {
            using var caller = await listener.AcceptTcpClientAsync(stoppingToken);
            using var timeout = new CancellationTokenSource(PerCaller, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stoppingToken);
            try
            {
                await AnswerAsync(caller.GetStream(), either.Token);
            }
            catch (Exception gone) when (gone is IOException or OperationCanceledException && !stoppingToken.IsCancellationRequested)
            {
                Log.MetricsCallerGone(logger);
            }
        }
    }

    private async Task AnswerAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var head = new byte[MaxHeadBytes];
        var length = 0;
        while (!head.AsSpan(0, length).EndsWith("\r\n\r\n"u8))
        {
            var read = length < head.Length ? await stream.ReadAsync(head.AsMemory(length), cancellationToken) : 0;
            if (read == 0)
            {
                return; // It left, or talks without end.
            }

            length += read;
        }

        var (status, body) = Encoding.ASCII.GetString(head, 0, length).Split('\r')[0].Split(' ') switch
        {
            ["GET", var path, _] when path.Split('?')[0] == "/metrics" => ("200 OK", readings.Text()),
            ["GET", _, _] => ("404 Not Found", "Metrics are at /metrics.\n"),
            [_, _, _] => ("405 Method Not Allowed", "Only GET is allowed.\n"),
            _ => ("400 Bad Request", "That is no HTTP request.\n"),
        };
        var bytes = Encoding.UTF8.GetBytes(body);
        var type = status == "200 OK" ? PrometheusText.ContentType : "text/plain";
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {bytes.Length}\r\nAllow: GET\r\nConnection: close\r\n\r\n"),
            cancellationToken);
        await stream.WriteAsync(bytes, cancellationToken);
        stream.Socket.Shutdown(SocketShutdown.Send);
    }
}
