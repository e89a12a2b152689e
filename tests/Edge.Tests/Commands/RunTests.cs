using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Tests.Buffer;
using Sungrow.Edge.Tests.Uplink;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Commands;

public sealed class RunTests : IDisposable
{
    private const string Opened = "Buffer ";

    private readonly TempFolder _folder = new();
    private readonly Dictionary<string, string?> _settings;

    public RunTests() => _settings = EdgeProgram.Settings(_folder);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData]
    [InlineData("run")]
    public async Task Asked_to_end_it_ends_with_0(params string[] command)
    {
        await using var run = EdgeProgram.Start(_settings, command);
        await run.LineAsync("No sample from the inverter", cancellationToken: Cancelled);

        run.Terminate();

        Assert.Equal(0, (await run.EndAsync()).ExitCode);
    }

    [Fact]
    public async Task Killed_and_started_again_it_has_the_same_buffer_with_what_waited()
    {
        using (var buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot"))
        {
            buffer.AppendMany(1, 30);
        }

        var before = SampleBuffer.ReadState(_folder.File("buffer.db"));
        await using (var killed = EdgeProgram.Start(_settings))
        {
            await killed.LineAsync(Opened, cancellationToken: Cancelled);
            killed.Kill();
            Assert.NotEqual(0, await killed.ExitCodeAsync(cancellationToken: Cancelled));
        }

        await using var again = EdgeProgram.Start(_settings);

        Assert.Contains("opened; samples waiting: 30.", await again.LineAsync(Opened, cancellationToken: Cancelled));
        Assert.Equal(before.BufferId, SampleBuffer.ReadState(_folder.File("buffer.db")).BufferId);
    }

    [Fact]
    public async Task What_waits_is_sent_before_it_ends_after_its_seconds_and_the_last_line_says_so()
    {
        await using var vps = await ScriptedVps.StartAsync();
        _settings["Uplink__Url"] = vps.Url.ToString();
        using (var buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot"))
        {
            buffer.AppendMany(1, 700);
        }

        var ended = await EdgeProgram.RunAsync(_settings, "--seconds", "1");

        Assert.Equal(0, ended.ExitCode);
        Assert.Matches(@"^polled=0 missed=\d+ waiting=0$", ended.Lines[^1]);
        Assert.Equal(700, vps.Stored.Count);
    }

    [Fact]
    public async Task What_cannot_be_sent_waits_and_the_last_line_says_so()
    {
        using (var buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot"))
        {
            buffer.AppendMany(1, 7);
        }

        // The drain is cut short: asked to end, it does not insist.
        await using var run = EdgeProgram.Start(_settings, "run", "--seconds", "3600");
        await run.LineAsync("Samples wait in the buffer", cancellationToken: Cancelled);
        run.Terminate();

        var ended = await run.EndAsync();
        Assert.Equal(0, ended.ExitCode);
        Assert.Matches(@"^polled=0 missed=\d+ waiting=7$", ended.Lines[^1]);
    }

    [Fact]
    public async Task It_reports_once_at_the_start_and_once_at_the_stop()
    {
        await using var vps = await ScriptedVps.StartAsync();
        _settings["Uplink__Url"] = vps.Url.ToString();
        await using var run = EdgeProgram.Start(_settings);
        await Until.TrueAsync(() => vps.Requests.Count == 1, cancellationToken: Cancelled);

        run.Terminate();
        await run.EndAsync();

        Assert.Equal(["/v1/heartbeat", "/v1/heartbeat"], vps.Requests.Select(request => request.Path));
    }

    [Fact]
    public async Task A_token_file_s_token_travels_and_is_not_logged()
    {
        await using var vps = await ScriptedVps.StartAsync();
        _settings["Uplink__Url"] = vps.Url.ToString();
        _settings["Uplink__Token"] = null;
        _settings["Uplink__TokenFile"] = _folder.File("token");
        _settings["Logging__LogLevel__Default"] = "Trace";
        _settings["Logging__LogLevel__Microsoft"] = "Trace";
        _settings["Logging__LogLevel__System"] = "Trace";
        File.WriteAllText(_folder.File("token"), EdgeProgram.Secret + "\n");
        await using var run = EdgeProgram.Start(_settings);
        await Until.TrueAsync(() => vps.Requests.Count == 1, cancellationToken: Cancelled);

        run.Terminate();
        await run.EndAsync();

        Assert.Equal($"Bearer {EdgeProgram.Secret}", vps.Requests[0].Headers["Authorization"]);
    }

    [Fact]
    public async Task A_vps_on_this_machine_is_not_asked_through_a_proxy_that_would_read_the_token()
    {
        await using var vps = await ScriptedVps.StartAsync();
        using var proxy = new TcpListener(IPAddress.Loopback, 0);
        proxy.Start();
        _settings["Uplink__Url"] = vps.Url.ToString();
        _settings["http_proxy"] = _settings["HTTP_PROXY"] = _settings["all_proxy"] = $"http://{proxy.LocalEndpoint}";
        _settings["no_proxy"] = _settings["NO_PROXY"] = null;
        await using var run = EdgeProgram.Start(_settings);

        await Until.TrueAsync(() => vps.Requests.Count > 0 || proxy.Pending(), cancellationToken: Cancelled);

        Assert.False(proxy.Pending());
    }

    [Fact]
    public async Task A_buffer_that_cannot_be_written_is_one_line_and_exit_code_1()
    {
        _settings["Buffer__Path"] = _folder.File("no/such/folder/buffer.db");

        Assert.Equal(
            $"The buffer {_folder.File("no/such/folder/buffer.db")} cannot be opened: its folder does not exist.",
            (await EdgeProgram.RunAsync(_settings)).Refusal(exitCode: 1));
    }

    [Fact]
    public async Task A_second_daemon_is_one_line_and_the_first_goes_on()
    {
        await using var first = EdgeProgram.Start(_settings);
        await first.LineAsync(Opened, cancellationToken: Cancelled);

        Assert.Contains("is in use by another sungrow-edge", (await EdgeProgram.RunAsync(_settings)).Refusal(exitCode: 1));

        Assert.False(first.HasExited);
    }

    [Fact]
    public async Task A_path_that_sqlite_would_keep_in_memory_is_a_file()
    {
        _settings["Buffer__Path"] = ":memory:";
        await using var run = EdgeProgram.StartAt(EdgeProgram.Path, _settings, _folder.Path, "--seconds", "1");

        await run.EndAsync();

        Assert.True(new FileInfo(_folder.File(":memory:")).Length > 0);
    }

    [Fact]
    public async Task Status_shows_what_the_buffer_holds_beside_a_running_daemon()
    {
        using (var buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot"))
        {
            buffer.AppendMany(1, 20, "SN1");
            buffer.AppendMany(21, 25, "SN2");
            buffer.Acknowledge(buffer.Peek(8)!);
        }

        await using var run = EdgeProgram.Start(_settings);
        await run.LineAsync(Opened, cancellationToken: Cancelled);
        var onlyThePath = new Dictionary<string, string?> { ["Buffer__Path"] = _folder.File("buffer.db") };

        var table = await EdgeProgram.RunAsync(onlyThePath, "status");
        var json = await EdgeProgram.RunAsync(onlyThePath, "status", "--json");

        Assert.Equal(0, table.ExitCode);
        Assert.Equal(
            [["SN1", "20", "8", "12", "0", "0"], ["SN2", "5", "0", "5", "0", "0"]],
            table.Lines.Where(line => line.Contains("SN", StringComparison.Ordinal)).Select(
                line => line.Split([' ', '│', '|'], StringSplitOptions.RemoveEmptyEntries)));
        Assert.Contains(table.Lines, line => line.StartsWith("waiting  17 since 2026-09-08T06:01:30Z, ", StringComparison.Ordinal));
        Assert.Equal(0, json.ExitCode);
        var status = JsonDocument.Parse(Assert.Single(json.Lines)).RootElement;
        Assert.Equal(_folder.File("buffer.db"), status.GetProperty("path").GetString());
        Assert.Equal(SampleBuffer.ReadState(_folder.File("buffer.db")).BufferId, status.GetProperty("buffer_id").GetGuid());
        Assert.Equal(
            [25L, 8L, 17L], new[] { "committed", "acknowledged", "waiting" }.Select(name => status.GetProperty(name).GetInt64()));
        Assert.Equal("2026-09-08T06:01:30.000009Z", status.GetProperty("oldest").GetString());
        Assert.Equal("2026-09-08T06:04:10.000025Z", status.GetProperty("newest").GetString());
    }

    [Fact]
    public async Task Status_without_a_buffer_is_one_line_and_exit_code_1()
    {
        Assert.Contains("There is no buffer at ", (await EdgeProgram.RunAsync(_settings, "status")).Refusal(exitCode: 1));
        Assert.Contains("There is no buffer at ", (await EdgeProgram.RunAsync(_settings, "status", "--json")).Refusal(exitCode: 1));
    }

    [Fact]
    public async Task Check_says_in_one_line_each_what_is_well_and_what_to_do()
    {
        var port = new Uri(_settings["Uplink__Url"]!).Port.ToString(CultureInfo.InvariantCulture);

        var ended = await EdgeProgram.RunAsync(_settings, "check");

        Assert.Equal(1, ended.ExitCode);
        Assert.Equal(["inverter", "buffer", "clock", "VPS"], ended.Lines.Select(line => line[5..].Split(' ')[0]));
        Assert.All(ended.Lines, line => Assert.Matches("^(ok  |FAIL) ", line));
        Assert.Equal(
            $"FAIL VPS        no connection to 127.0.0.1:{port}: is the VPS up, and the address in Uplink__Url right?", ended.Lines[^1]);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Check_names_a_token_that_the_vps_refuses()
    {
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(Answers.Problem(401, "TOKEN_INVALID"));
        _settings["Uplink__Url"] = vps.Url.ToString();

        var ended = await EdgeProgram.RunAsync(_settings, "check");

        Assert.Contains("ok   VPS        reachable", ended.Lines);
        Assert.Contains("FAIL token      refused with 401 TOKEN_INVALID: ask the VPS's operator for this device's token", ended.Lines);
    }

    [Fact]
    public async Task Check_names_both_ids_when_the_token_is_another_device_s()
    {
        await using var vps = await ScriptedVps.StartAsync();
        vps.Next(Answers.Plain(200, "application/json", """
            {"device_id":"SN1","tenant":"t","site":"s","time_zone":"UTC","server_time":"2026-09-08T12:00:00Z","limits":{"max_samples":5000,
            "max_payload_bytes":4194304,"samples_per_second":0,"burst_samples":0,"requests_per_second":0,"burst_requests":0}}
            """));
        _settings["Uplink__Url"] = vps.Url.ToString();
        _settings["Device__Id"] = "SN2";

        var ended = await EdgeProgram.RunAsync(_settings, "check");

        Assert.Equal(
            "FAIL device id  the samples are of SN2, the token is of SN1: set Device__Id, or use that device's token", ended.Lines[^1]);
    }

    public void Dispose() => _folder.Dispose();
}
