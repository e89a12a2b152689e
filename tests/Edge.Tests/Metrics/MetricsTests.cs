using System.Net;
using System.Net.Sockets;
using System.Text;
using Sungrow.Edge.Tests.Commands;
using Sungrow.Edge.Tests.Uplink;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Metrics;

/// <summary>The real program, asked for its numbers or told where to send them.</summary>
public sealed class MetricsTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Dictionary<string, string?> _settings;
    private readonly int _port = FreePort.Next();
    private readonly HttpClient _http = new();

    public MetricsTests()
    {
        _settings = EdgeProgram.Settings(_folder);
        _http.BaseAddress = new($"http://127.0.0.1:{_port}");
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _http.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Metrics_are_served_in_the_text_format_of_Prometheus()
    {
        await using var edge = await StartAsync();
        await edge.LineAsync("No sample from the inverter", cancellationToken: Cancelled);

        using var answer = await _http.GetAsync("/metrics", Cancelled);
        var text = await answer.Content.ReadAsStringAsync(Cancelled);

        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", answer.Content.Headers.ContentType?.ToString());
        Assert.Matches("(?m)^sungrow_edge_polls_total\\{result=\"inverter_unreachable\"\\} [1-9]", text);
        Assert.Contains("\nsungrow_edge_inverter_reachable 0\n", text, StringComparison.Ordinal);
        Assert.Contains("\nsungrow_edge_buffer_available 1\n", text, StringComparison.Ordinal);
        Assert.Contains("\nsungrow_edge_rows{state=\"waiting\"} 0\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("oldest_waiting", text, StringComparison.Ordinal);
        Assert.All(text.TrimEnd('\n').Split('\n'), line => Assert.Matches("^(# (HELP|TYPE) sungrow_edge_|sungrow_edge_[a-z_]+(\\{.*\\})? [-0-9.E+]+$)", line));
    }

    [Fact]
    public async Task Any_other_question_is_told_where_they_are_and_a_silent_caller_keeps_nobody_out()
    {
        await using var edge = await StartAsync();
        using var silent = new TcpClient();
        await silent.ConnectAsync(IPAddress.Loopback, _port, Cancelled);

        Assert.Equal(HttpStatusCode.NotFound, (await _http.GetAsync("/", Cancelled)).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await _http.DeleteAsync("/metrics", Cancelled)).StatusCode);
        Assert.StartsWith("HTTP/1.1 400 ", await RawAsync("\u0016\u0003\u0001\r\n\r\n"), StringComparison.Ordinal);
        Assert.Empty(await RawAsync(new string('x', 8 * 1024)));
        Assert.Equal(HttpStatusCode.OK, (await _http.GetAsync("/metrics?name=up", Cancelled)).StatusCode);

        edge.Terminate();
        Assert.Equal(0, (await edge.EndAsync()).ExitCode);
    }

    [Fact]
    public async Task A_port_that_is_taken_costs_the_metrics_and_nothing_else()
    {
        var other = new TcpListener(IPAddress.Loopback, _port);
        other.Start();
        _settings["Metrics__Url"] = $"http://127.0.0.1:{_port}";
        await using var edge = EdgeProgram.Start(_settings);

        await edge.LineAsync($"Metrics cannot be served on http://127.0.0.1:{_port}: AddressAlreadyInUse", cancellationToken: Cancelled);
        await edge.LineAsync("No sample from the inverter", cancellationToken: Cancelled);

        other.Dispose();
        edge.Terminate();
        Assert.Equal(0, (await edge.EndAsync()).ExitCode);
    }

    [Fact]
    public async Task Metrics_are_sent_by_OTLP_where_the_environment_says_so()
    {
        await using var collector = await ScriptedVps.StartAsync();
        collector.Ingest = (_, _) => Task.CompletedTask;
        _settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Url.ToString();
        _settings["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        _settings["OTEL_METRIC_EXPORT_INTERVAL"] = "200";
        await using var edge = EdgeProgram.Start(_settings);

        await Until.TrueAsync(
            () => collector.Requests.Any(request => request.Path == "/v1/metrics" && request.Text.Contains("sungrow_edge_polls", StringComparison.Ordinal)),
            cancellationToken: Cancelled);
        var sent = collector.Requests.First(request => request.Path == "/v1/metrics").Text;
        Assert.Contains("sungrow-edge", sent, StringComparison.Ordinal);
        Assert.Contains("sungrow_edge_inverter_reachable", sent, StringComparison.Ordinal);

        edge.Terminate();
        Assert.Equal(0, (await edge.EndAsync()).ExitCode);
    }

    [Fact]
    public async Task What_is_not_asked_for_is_not_loaded()
    {
        await using var edge = EdgeProgram.Start(_settings);
        await edge.LineAsync("No sample from the inverter", cancellationToken: Cancelled);

        Assert.Contains("sungrow-edge.dll", Mapped(edge), StringComparison.Ordinal);
        Assert.DoesNotContain("OpenTelemetry", Mapped(edge), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Under_systemd_each_line_tells_the_journal_its_level()
    {
        _settings["JOURNAL_STREAM"] = "9:4708617";
        await using var edge = EdgeProgram.Start(_settings);

        var warning = await edge.LineAsync("No sample from the inverter", cancellationToken: Cancelled);

        Assert.StartsWith("<4>Sungrow.Edge.Polling.PollLoop[2001] ", warning, StringComparison.Ordinal);
        Assert.StartsWith("<6>", await edge.LineAsync("opened", cancellationToken: Cancelled), StringComparison.Ordinal);
    }

    private async Task<ProgramProcess> StartAsync()
    {
        _settings["Metrics__Url"] = $"http://127.0.0.1:{_port}/metrics";
        var edge = EdgeProgram.Start(_settings);
        await edge.LineAsync($"Metrics are served on 127.0.0.1:{_port}", cancellationToken: Cancelled);
        return edge;
    }

    private async Task<string> RawAsync(string request)
    {
        using var caller = new TcpClient();
        await caller.ConnectAsync(IPAddress.Loopback, _port, Cancelled);
        await caller.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request), Cancelled);
        using var reader = new StreamReader(caller.GetStream());
        return await reader.ReadToEndAsync(Cancelled);
    }

    private static string Mapped(ProgramProcess edge) => File.ReadAllText($"/proc/{edge.Id}/maps");
}
