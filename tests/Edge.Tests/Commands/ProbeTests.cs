using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Sungrow.Edge.Tests.Inverter;
using Sungrow.Edge.Tests.Uplink;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Commands;

/// <summary>The real program against servers of ours and one that is not.</summary>
public class ProbeTests
{
    private const int Deadline = 120_000;

    private static readonly Dictionary<string, string?> NoSettings = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static Task<EdgeProgram.Ended> ProbeAsync(int port, params string[] more) =>
        EdgeProgram.RunAsync(NoSettings, ["probe", "--host", "127.0.0.1", "--port", $"{port}", .. more]);

    private static JsonElement Json(EdgeProgram.Ended ended)
    {
        Assert.Equal(0, ended.ExitCode);
        return JsonDocument.Parse(string.Join('\n', ended.Lines)).RootElement;
    }

    [Fact(Timeout = Deadline)]
    public async Task An_SH10RT_on_pymodbus_is_told_exactly()
    {
        await using var server = await PymodbusServer.StartAsync("sh10rt", Token);

        var report = Json(await ProbeAsync(server.Port, "--json"));

        Assert.Equal(
            ["device_id", "serial", "model", "family", "device_type_code", "nominal_power_w", "phases", "path", "sample", "blocks"],
            report.EnumerateObject().Select(member => member.Name));
        Assert.Equal("PY-SH10RT", report.GetProperty("device_id").GetString());
        Assert.Equal("PY-SH10RT", report.GetProperty("serial").GetString());
        Assert.Equal("SH10RT", report.GetProperty("model").GetString());
        Assert.Equal("hybrid", report.GetProperty("family").GetString());
        Assert.Equal(0x0E03, report.GetProperty("device_type_code").GetInt32());
        Assert.Equal(10_000, report.GetProperty("nominal_power_w").GetDouble());
        Assert.Equal(3, report.GetProperty("phases").GetInt32());
        Assert.Equal("lan", report.GetProperty("path").GetString());
        Assert.Equal([1201, 36.1, 0, 95.5, 31, 1106, -180], Metrics(report));
        Assert.Equal(["ID", "MAIN", "PV", "BATT", "PATH"], report.GetProperty("blocks").EnumerateArray().Select(Name));
        Assert.All(report.GetProperty("blocks").EnumerateArray(), block => Assert.Equal("ok", block.GetProperty("answer").GetString()));
    }

    [Fact(Timeout = Deadline)]
    public async Task An_SH20T_on_pymodbus_is_told_exactly()
    {
        await using var server = await PymodbusServer.StartAsync("sh20t", Token);

        var report = Json(await ProbeAsync(server.Port, "--json"));

        Assert.Equal("SH20T", report.GetProperty("model").GetString());
        Assert.Equal(20_000, report.GetProperty("nominal_power_w").GetDouble());
        Assert.Equal("unknown", report.GetProperty("path").GetString());
        Assert.Equal([9327, 107.2, 0, 100, 18, 493, 8509], Metrics(report));
    }

    [Fact(Timeout = Deadline)]
    public async Task It_takes_five_requests_on_one_connection_and_a_dongle_shows()
    {
        await using var server = new RegisterServer(Words.Sh10Rt()) { Refuse = { [6099] = 2 } };

        var report = Json(await ProbeAsync(server.Port, "--json"));

        Assert.Equal("winet", report.GetProperty("path").GetString());
        Assert.Equal(1, server.Connections);
        Assert.Equal([4989, 12999, 5007, 5213, 6099], server.TakeAsked());
    }

    [Fact(Timeout = Deadline)]
    public async Task An_installer_reads_it_in_eighty_columns_and_learns_what_a_null_means()
    {
        await using var server = new RegisterServer(Words.Sg5Rs()) { Refuse = { [5082] = 2 } };

        var ended = await ProbeAsync(server.Port);

        Assert.Equal(0, ended.ExitCode);
        Assert.All(ended.Lines, line => Assert.InRange(line.Length, 0, 80));
        Assert.Contains(ended.Lines, line => line.StartsWith("SG5.0RS, serial A2012345678", StringComparison.Ordinal));
        Assert.Contains(ended.Lines, line => line.StartsWith("pv_power_w", StringComparison.Ordinal) && line.Contains("3210 W"));
        Assert.Contains(ended.Lines, line => line.StartsWith("battery_soc_pct", StringComparison.Ordinal) && line.EndsWith("null a string inverter has no battery", StringComparison.Ordinal));
        Assert.Contains(ended.Lines, line => line.EndsWith("null no meter is wired to this inverter: METER is refused", StringComparison.Ordinal));
    }

    // 13022 as a magnitude, flow bits at 0, no 5214: there is a battery, but no direction.
    [Fact(Timeout = Deadline)]
    public async Task A_power_without_a_direction_is_not_called_a_missing_battery()
    {
        await using var server = new RegisterServer(Words.Sh10Rt().Set(13000, 0).Set(13021, 800)) { Refuse = { [5213] = 2 } };

        var ended = await ProbeAsync(server.Port);

        Assert.Contains(ended.Lines, line => line.StartsWith("battery_soc_pct", StringComparison.Ordinal) && line.Contains("95.5 %"));
        Assert.Contains(
            ended.Lines,
            line => line.StartsWith("battery_power_w", StringComparison.Ordinal)
                && line.EndsWith("null its firmware does not say which way the power flows", StringComparison.Ordinal));
        Assert.All(ended.Lines, line => Assert.InRange(line.Length, 0, 80));
    }

    [Fact(Timeout = Deadline)]
    public async Task Absent_everywhere_is_not_called_zeros()
    {
        var words = new Words { Elsewhere = 0xFFFF }.SetText(4989, 10, "A2290112345").Set(4999, 3587, 100, 1)
            .Set(13007, 0xFFFF, 0x7FFF, 0xFFFF, 0x7FFF);
        await using var server = new RegisterServer(words);

        var ended = await ProbeAsync(server.Port);

        Assert.Equal(1, ended.ExitCode);
        Assert.Contains(ended.Lines, line => line.EndsWith("null the inverter marks it as absent", StringComparison.Ordinal));
        Assert.DoesNotContain(ended.Lines, line => line.Contains("zeros", StringComparison.Ordinal));
    }

    [Fact(Timeout = Deadline)]
    public async Task A_name_that_is_not_known_is_one_line()
    {
        var ended = await EdgeProgram.RunAsync(NoSettings, "probe", "--host", "inverter.invalid");

        Assert.Contains("inverter.invalid", ended.Refusal(exitCode: 1));
    }

    [Fact(Timeout = Deadline)]
    public async Task A_closed_port_is_one_line() =>
        Assert.Contains("refused the connection", (await ProbeAsync(FreePort.Next())).Refusal(exitCode: 1));

    [Theory(Timeout = Deadline)]
    [InlineData("--port", "0", "Inverter__Port is '0'")]
    [InlineData("--port", "modbus", "Inverter__Port is 'modbus'")]
    [InlineData("--unit", "248", "Inverter__UnitId is '248'")]
    [InlineData("--host", "http://1.2.3.4", "Inverter__Host is 'http://1.2.3.4'")]
    public async Task A_wrong_word_is_one_line(string option, string value, string line)
    {
        var ended = await EdgeProgram.RunAsync(new Dictionary<string, string?> { ["Inverter__Host"] = "127.0.0.1" }, "probe", option, value);

        Assert.StartsWith(line, ended.Refusal(exitCode: 2), StringComparison.Ordinal);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_wrong_unit_is_one_line()
    {
        await using var server = new RegisterServer(Words.Sh10Rt()) { Unit = 3 };

        var line = (await ProbeAsync(server.Port, "--json", "--Inverter:RequestTimeout=00:00:00.5")).Refusal(exitCode: 1);

        Assert.Contains("unit 1 did not answer", line);
        await using var right = new RegisterServer(Words.Sh10Rt()) { Unit = 3 };
        Assert.Equal(0, (await ProbeAsync(right.Port, "--unit", "3")).ExitCode);
    }

    [Fact(Timeout = Deadline)]
    public async Task A_port_that_speaks_something_else_is_one_line()
    {
        await using var server = new ScriptedServer(async client =>
        {
            await client.RequestAsync();
            await client.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray());
            await client.ClosedAsync();
        });

        Assert.Contains("does not speak Modbus TCP", (await ProbeAsync(server.Port)).Refusal(exitCode: 1));
    }

    [Theory(Timeout = Deadline)]
    [InlineData(0x5A, "encrypts Modbus")]
    [InlineData(0xFF, "did not answer")]
    public async Task A_dongle_that_encrypts_is_told_from_one_that_is_silent(byte key, string says)
    {
        await using var server = new ScriptedServer(async client =>
        {
            while (true)
            {
                var request = await client.RequestAsync();
                if (request[0] == 0x68 && request[1] == 0x68 && request[6] == 0xF7)
                {
                    await client.SendAsync([0x68, 0x68, 0, 0, 0, 19, 0xF7, 4, 16, .. Enumerable.Repeat(key, 16)]);
                }
            }
        });

        Assert.Contains(says, (await ProbeAsync(server.Port, "--Inverter:RequestTimeout=00:00:00.5")).Refusal(exitCode: 1));
    }

    [Fact(Timeout = Deadline)]
    public async Task A_dongle_without_its_inverter_is_nobody()
    {
        await using var server = new RegisterServer(new Words());

        Assert.Contains("did not identify itself", (await ProbeAsync(server.Port)).Refusal(exitCode: 1));
    }

    [Fact(Timeout = Deadline)]
    public async Task The_uplink_is_asked_only_on_request_and_its_silence_is_a_failure()
    {
        await using var server = new RegisterServer(Words.Sh10Rt());
        using var folder = new TempFolder();
        var settings = EdgeProgram.Settings(folder);

        var ended = await EdgeProgram.RunAsync(settings, "probe", "--host", "127.0.0.1", "--port", $"{server.Port}", "--uplink");

        Assert.Equal(1, ended.ExitCode);
        Assert.Contains(ended.Lines, line => line.StartsWith("SH10RT", StringComparison.Ordinal));
        Assert.Contains(ended.Lines, line => line.Contains("VPS", StringComparison.Ordinal));
        Assert.Empty(Directory.EnumerateFiles(folder.Path));
    }

    [Fact(Timeout = Deadline)]
    public async Task A_VPS_that_knows_this_inverter_is_said_in_the_table_and_in_the_json()
    {
        await using var bench = await UplinkBench.StartAsync();

        bench.Vps.Next(WhoAmI("A2290112345"));
        var uplink = Json(await bench.ProbeAsync("--json")).GetProperty("uplink");
        Assert.True(uplink.GetProperty("ok").GetBoolean());
        Assert.Equal("A2290112345", uplink.GetProperty("device_id").GetString());
        Assert.Contains("site default/roof", uplink.GetProperty("sentence").GetString());

        bench.Vps.Next(WhoAmI("A2290112345"));
        var ended = await bench.ProbeAsync();
        Assert.Equal(0, ended.ExitCode);
        Assert.Equal("VPS: the token is of A2290112345, site default/roof", ended.Lines[^1]);
        Assert.All(bench.Vps.Requests, request => Assert.Equal(("GET", "/v1/whoami"), (request.Method, request.Path)));
    }

    [Theory(Timeout = Deadline)]
    [InlineData("other", "device_id", "the samples are of A2290112345, the token is of other: set Device__Id, or use that device's token.")]
    [InlineData("refused", null, "the VPS refused with 401 TOKEN_INVALID: ask its operator for this device's token.")]
    [InlineData("portal", null, "something answered 200, but not as our VPS does")]
    [InlineData("stranger", null, "something answered 200, but not as our VPS does")]
    [InlineData("redirect", null, "something answered 302, but not as our VPS does")]
    public async Task A_VPS_that_does_not_fit_is_a_failure_said_once(string answer, string? named, string says)
    {
        await using var bench = await UplinkBench.StartAsync();
        Func<HttpContext, Request, Task> script = answer switch
        {
            "other" => WhoAmI("other"),
            "refused" => Answers.Problem(401, "TOKEN_INVALID"),
            "portal" => Answers.Plain(200, "text/html", "<html>Welcome to our hotel</html>"),
            "stranger" => Answers.Plain(200, "application/json", """{"device_id":null,"status":"ok"}"""),
            _ => Answers.Redirect(302, new("http://portal.example/login")),
        };

        bench.Vps.Next(script);
        var ended = await bench.ProbeAsync("--json");
        Assert.Equal(1, ended.ExitCode);
        var json = string.Join('\n', ended.Lines.Where(line => !line.StartsWith("sungrow-edge: ", StringComparison.Ordinal)));
        var uplink = JsonDocument.Parse(json).RootElement.GetProperty("uplink");
        Assert.False(uplink.GetProperty("ok").GetBoolean());
        Assert.Equal(named is null ? null : "other", uplink.GetProperty("device_id").GetString());
        Assert.Contains(says, uplink.GetProperty("sentence").GetString());

        bench.Vps.Next(script);
        ended = await bench.ProbeAsync();
        Assert.Equal(1, ended.ExitCode);
        Assert.All(ended.Lines, line => Assert.InRange(line.Length, 0, 80));
        Assert.Contains(ended.Lines, line => line.StartsWith("VPS: ", StringComparison.Ordinal));
        Assert.DoesNotContain(ended.Lines, line => line.StartsWith("sungrow-edge: ", StringComparison.Ordinal));
        Assert.Contains(says, string.Join(' ', ended.Lines.Select(line => line.Trim())));
    }

    private static Func<HttpContext, Request, Task> WhoAmI(string deviceId) => Answers.Plain(
        200,
        "application/json",
        $$$"""
        {"device_id":"{{{deviceId}}}","tenant":"default","site":"roof","time_zone":"Europe/Berlin","server_time":"2026-09-08T06:00:00Z",
         "limits":{"max_samples":5000,"max_payload_bytes":4194304,"samples_per_second":20000,"burst_samples":100000,
                   "requests_per_second":20,"burst_requests":200}}
        """);

    private sealed record UplinkBench(RegisterServer Inverter, ScriptedVps Vps, TempFolder Folder) : IAsyncDisposable
    {
        public static async Task<UplinkBench> StartAsync() => new(new(Words.Sh10Rt()), await ScriptedVps.StartAsync(), new());

        public Task<EdgeProgram.Ended> ProbeAsync(params string[] more)
        {
            var settings = EdgeProgram.Settings(Folder);
            settings["Inverter__Port"] = $"{Inverter.Port}";
            settings["Uplink__Url"] = Vps.Url.ToString();
            return EdgeProgram.RunAsync(settings, ["probe", "--uplink", .. more]);
        }

        public async ValueTask DisposeAsync()
        {
            await Inverter.DisposeAsync();
            await Vps.DisposeAsync();
            Folder.Dispose();
        }
    }

    private static string? Name(JsonElement block) => block.GetProperty("name").GetString();

    private static double[] Metrics(JsonElement report) =>
        [.. new[] { "pv_power_w", "pv_daily_kwh", "battery_power_w", "battery_soc_pct", "battery_temp_c", "load_power_w", "export_power_w" }
            .Select(name => report.GetProperty("sample").GetProperty(name).GetDouble())];
}
