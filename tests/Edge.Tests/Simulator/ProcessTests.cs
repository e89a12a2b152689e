using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Sungrow.Edge.Tests.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Simulator;

/// <summary>The program itself, and a Modbus client that was not written here.</summary>
public sealed class ProcessTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private readonly string _log = Path.Combine(Path.GetTempPath(), $"served-{Guid.NewGuid():N}.jsonl");
    private readonly List<Process> _started = [];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pymodbus_reads_what_the_log_says_was_served()
    {
        await PymodbusServer.RequireAsync("pymodbus.client", Cancelled);
        var simulator = StartSimulator("--port", "0", "--start", "2026-09-08T10:30:00Z", "--serial", "A1", "--log", _log);
        var port = int.Parse((await LineAsync(simulator)).Split(' ')[1].Split(':')[1]);

        // The client's own decoder: words big-endian, the low word first.
        var client = Start(PymodbusServer.Python, "-c", $$"""
            import json
            from pymodbus.client import ModbusTcpClient
            from pymodbus.constants import Endian
            from pymodbus.payload import BinaryPayloadDecoder
            client = ModbusTcpClient("127.0.0.1", port={{port}})
            assert client.connect()
            def read(start, count):
                answer = client.read_input_registers(start, count, slave=1)
                assert not answer.isError(), answer
                return answer.registers
            def signed(words):
                return BinaryPayloadDecoder.fromRegisters(words, byteorder=Endian.Big, wordorder=Endian.Little).decode_32bit_int()
            main, pv, battery = read(12999, 48), read(5007, 29), read(5213, 2)
            print(json.dumps({
                "pv_daily_kwh": main[2] / 10, "load_power_w": signed(main[8:10]), "export_power_w": signed(main[10:12]),
                "battery_soc_pct": main[23] / 10, "battery_temp_c": main[25] / 10,
                "pv_power_w": signed(pv[9:11]), "battery_power_w": signed(battery),
                "refused": client.read_input_registers(30000, 1, slave=1).exception_code,
                "serial": b"".join(word.to_bytes(2, "big") for word in read(4989, 10)).rstrip(b"\0").decode()}))
            client.close()
            """);
        var read = JsonElement.Parse(await LineAsync(client)).EnumerateObject().ToDictionary(one => one.Name, one => one.Value.ToString());

        var lines = (await File.ReadAllLinesAsync(_log, Cancelled)).Select(line => JsonElement.Parse(line)).ToArray();
        var served = lines.SelectMany(line => line.GetProperty("values").EnumerateObject()).ToDictionary(one => one.Name, one => one.Value);
        Assert.Equal(7, served.Count);
        Assert.All(served, value => Assert.Equal(value.Value.GetDecimal(), decimal.Parse(read[value.Key])));
        Assert.InRange(decimal.Parse(read["battery_power_w"]), -5_000, -4_000); // sun at half past ten: the battery charges
        Assert.Equal(("2", "A1"), (read["refused"], read["serial"]));
    }

    [Fact]
    public async Task It_says_when_each_device_can_be_read_and_ends_with_0_when_asked_to()
    {
        var simulator = StartSimulator("--port", "0", "--devices", "2", "--unit", "7");
        var first = await LineAsync(simulator);
        var second = await LineAsync(simulator);

        Assert.Matches(@"^listening 127\.0\.0\.1:\d+ serial A2240312345 unit 7$", first);
        Assert.Matches(@"^listening 127\.0\.0\.1:\d+ serial A2240312346 unit 7$", second);
        foreach (var line in new[] { first, second })
        {
            using var client = await RawClient.ConnectAsync(IPEndPoint.Parse(line.Split(' ')[1]));
            await client.ReadWordsAsync(12999, 48, unit: 7);
        }

        Start("/bin/sh", "-c", $"kill -TERM {simulator.Id}");
        await ExitAsync(simulator);
        Assert.Equal(0, simulator.ExitCode);
        Assert.Equal("", await simulator.StandardError.ReadToEndAsync(Cancelled));
    }

    [Fact]
    public async Task Faults_are_switched_by_a_file_while_it_runs()
    {
        var file = _log + ".faults";
        try
        {
            var simulator = StartSimulator("--port", "0", "--fault", "flow-zero", "--fault-file", file);
            using var client = await RawClient.ConnectAsync(IPEndPoint.Parse((await LineAsync(simulator)).Split(' ')[1]));
            Assert.Equal(0, (await client.ReadWordsAsync(13000, 1))[0]);

            await File.WriteAllTextAsync(file, "illegal-address=13000\n", Cancelled);
            await client.SendAsync(RawClient.Read(1, unit: 1, function: 4, 13000, 1));
            Assert.Equal([0x84, 2], (await client.ReceiveAsync(9))[7..]);

            await File.WriteAllTextAsync(file, "gremlins\n", Cancelled);
            await client.SendAsync(RawClient.Read(2, unit: 1, function: 4, 13000, 1));
            Assert.Equal([0x84, 2], (await client.ReceiveAsync(9))[7..]);
            var complaint = await simulator.StandardError.ReadLineAsync(Cancelled).AsTask().WaitAsync(Deadline, Cancelled);
            Assert.StartsWith($"--fault-file {file}: 'gremlins' is not allowed; allowed is ", complaint, StringComparison.Ordinal);

            File.Delete(file);
            Assert.Equal(0, (await client.ReadWordsAsync(13000, 1))[0]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task It_stops_by_itself_after_its_seconds()
    {
        var simulator = StartSimulator("--port", "0", "--seconds", "1");

        await ExitAsync(simulator);

        Assert.Equal(0, simulator.ExitCode);
    }

    [Fact]
    public async Task A_port_in_use_is_one_line_and_a_failure()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();

        var error = await FailureAsync("--port", ((IPEndPoint)taken.LocalEndpoint).Port.ToString());

        Assert.StartsWith($"Cannot listen on {taken.LocalEndpoint}: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_that_cannot_be_written_is_one_line_and_a_failure()
    {
        Assert.StartsWith("--log: ", await FailureAsync("--port", "0", "--log", "/no/such/folder/served.jsonl"), StringComparison.Ordinal);
        Assert.StartsWith("--log: ", await FailureAsync("--port", "0", "--log", Path.GetTempPath()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_option_is_one_line_and_a_failure()
    {
        Assert.StartsWith("--speed: 'fast' is not allowed", await FailureAsync("--speed", "fast"), StringComparison.Ordinal);
        Assert.StartsWith("--fault: 'gremlins' is not allowed", await FailureAsync("--fault", "gremlins"), StringComparison.Ordinal);
        Assert.Contains("--frobnicate", await FailureAsync("--frobnicate"), StringComparison.Ordinal);
    }

    public void Dispose()
    {
        foreach (var process in _started)
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }

            process.Dispose();
        }

        File.Delete(_log);
    }

    private async Task<string> FailureAsync(params string[] options)
    {
        var simulator = StartSimulator(options);
        var error = await simulator.StandardError.ReadToEndAsync(Cancelled).WaitAsync(Deadline, Cancelled);
        await ExitAsync(simulator);

        Assert.NotEqual(0, simulator.ExitCode);
        Assert.Equal("", await simulator.StandardOutput.ReadToEndAsync(Cancelled));
        return Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private Process StartSimulator(params string[] options) =>
        Start("dotnet", [Path.Combine(AppContext.BaseDirectory, "sungrow-simulator.dll"), .. options]);

    private Process Start(string program, params string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _started.Add(process);
        return process;
    }

    private static async Task<string> LineAsync(Process process) =>
        await process.StandardOutput.ReadLineAsync(Cancelled).AsTask().WaitAsync(Deadline, Cancelled)
        ?? throw new InvalidOperationException("No line: " + await process.StandardError.ReadToEndAsync(Cancelled));

    private static Task ExitAsync(Process process) => process.WaitForExitAsync(Cancelled).WaitAsync(Deadline, Cancelled);
}
