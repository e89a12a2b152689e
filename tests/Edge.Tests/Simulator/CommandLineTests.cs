using System.Net;
using Sungrow.Simulator;
using Sungrow.Simulator.Faults;
using Xunit;
using SimulatorSettings = Sungrow.Simulator.Settings;

namespace Sungrow.Edge.Tests.Simulator;

public class CommandLineTests
{
    [Theory]
    [InlineData("--port 65536", "0 .. 65535")]
    [InlineData("--port five", "0 .. 65535")]
    [InlineData("--devices 0", "1 .. 100")]
    [InlineData("--bind localhost", "an IP address")]
    [InlineData("--speed 0", "0.1 .. 3600")]
    [InlineData("--speed NaN", "0.1 .. 3600")]
    [InlineData("--start yesterday", "RFC 3339")]
    [InlineData("--start 2026-09-08T10:00:00", "with an offset")]
    [InlineData("--start 2019-12-31T00:00:00Z", "from 2020-01-08")]
    [InlineData("--time-zone Mars/Olympus", "IANA")]
    [InlineData("--serial A-1", "1 to 20 letters and digits")]
    [InlineData("--serial A12345678901234567890", "1 to 20 letters and digits")]
    [InlineData("--unit 0", "1 .. 247")]
    [InlineData("--wrong-unit 1", "silent or exception")]
    [InlineData("--sessions 0", "1 .. 100")]
    [InlineData("--seconds -1", "0 .. 2000000")]
    [InlineData("--model SH1", "SH10RT, SH5.0RS, ")]
    [InlineData("--path wifi", "lan or winet")]
    [InlineData("--fault gremlins", "one of sentinels, zeros, word-swap, ")]
    [InlineData("--fault late-reset=0", "late-reset[=1 .. 720]")]
    [InlineData("--fault illegal-address", "illegal-address=0 .. 65535")]
    [InlineData("--fault zeros=1", "zeros[@HH:mm")]
    [InlineData("--fault zeros@24:00-01:00", "zeros[@HH:mm")]
    public void A_wrong_value_is_named_with_what_is_allowed(string line, string allowed)
    {
        var option = line.Split(' ');

        var error = Assert.Single(CommandLine.Create(Never).Parse(option).Errors).Message;

        Assert.StartsWith($"{option[0]}: '{option[1]}' is not allowed; allowed is ", error, StringComparison.Ordinal);
        Assert.Contains(allowed, error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error);
    }

    [Theory]
    [InlineData("--port 65535 --devices 2", "65536")]
    [InlineData("--serial ABC --devices 2", "'ABC'")]
    [InlineData("--serial A98 --devices 3", "'A98'")]
    public async Task Values_that_do_not_go_together_are_named(string line, string named)
    {
        var conflict = (await ReadAsync(line)).Conflict;

        Assert.Contains(named, conflict, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Devices_count_up_from_the_first()
    {
        var settings = await ReadAsync("--port 6000 --devices 12 --serial SN0098765499 --seed 5");

        Assert.Null(settings.Conflict);
        Assert.Equal((6000, "SN0098765499", 5), Of(settings.Device(0)));
        Assert.Equal((6011, "SN0098765510", 16), Of(settings.Device(11)));

        static (int Port, string Serial, int Seed) Of(InverterOptions device) => (device.Port, device.Serial, device.Seed);
    }

    [Fact]
    public async Task Nothing_given_is_one_measured_device_on_loopback_from_now_on()
    {
        var settings = await ReadAsync("");

        Assert.Equal(new SimulatorSettings(new InverterOptions { Port = 5020 }, 1, 1, null, null, null), settings);
        Assert.Equal(IPAddress.Loopback, settings.First.Bind);
    }

    [Fact]
    public async Task Faults_add_up()
    {
        var settings = await ReadAsync(
            "--fault late-reset=30 --fault illegal-address=6099@08:00-09:00 --fault-file f --model SG5.0RS --no-meter");

        Assert.Equal([("late-reset", "30", null), ("illegal-address", "6099", new(new(8, 0), new(9, 0)))], settings.Faults.Select(Of));
        Assert.Equal("f", settings.FaultFile);
        Assert.Equal(("SG5.0RS", false, true), (settings.First.Model.Name, settings.First.Meter, settings.First.Battery));

        static (string Name, string Argument, DayWindow? Window) Of(Fault fault) => (fault.Type.Name, fault.Argument, fault.Window);
    }

    [Fact]
    public async Task A_start_keeps_its_moment()
    {
        var settings = await ReadAsync("--start 2026-09-08T05:30:00.25+02:00");

        Assert.Equal(new DateTimeOffset(2026, 9, 8, 3, 30, 0, 250, TimeSpan.Zero), settings.Start);
    }

    private static Task<int> Never(SimulatorSettings settings, CancellationToken stop) => throw new InvalidOperationException("must not run");

    private static async Task<SimulatorSettings> ReadAsync(string line)
    {
        SimulatorSettings? read = null;
        var given = CommandLine.Create((settings, _) =>
        {
            read = settings;
            return Task.FromResult(0);
        }).Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Empty(given.Errors);
        await given.InvokeAsync(cancellationToken: TestContext.Current.CancellationToken);
        return read!;
    }
}
