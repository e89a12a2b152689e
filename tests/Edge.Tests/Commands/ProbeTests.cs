using System.Text.Json;
using Sungrow.Edge.Tests.Inverter;
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
        Assert.Contains(ended.Lines, line => line.EndsWith("null block METER is refused: illegal data address", StringComparison.Ordinal));
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

    private static string? Name(JsonElement block) => block.GetProperty("name").GetString();

    private static double[] Metrics(JsonElement report) =>
        [.. new[] { "pv_power_w", "pv_daily_kwh", "battery_power_w", "battery_soc_pct", "battery_temp_c", "load_power_w", "export_power_w" }
            .Select(name => report.GetProperty("sample").GetProperty(name).GetDouble())];
}
