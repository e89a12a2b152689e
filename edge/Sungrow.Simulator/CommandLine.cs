using System.CommandLine;
using System.Net;
using Sungrow.Simulator.Day;
using Sungrow.Simulator.Faults;
using static Sungrow.Simulator.OptionForms;

namespace Sungrow.Simulator;

/// <summary>The options: their help, their defaults and what is allowed.</summary>
internal static class CommandLine
{
    public static readonly DateTimeOffset EarliestStart = Household.Commissioned.AddDays(2);
    public static readonly DateTimeOffset LatestStart = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly InverterOptions Usual = new();

    private static readonly Option<int> Port = Number(
        "--port", "Port of the first device; the others follow on port + 1 .. 0: a free port for each", 0, 65_535, 5020);

    private static readonly Option<int> Devices = Number(
        "--devices", "How many devices; each has its own port, serial, sun and household", 1, 100, 1);

    private static readonly Option<IPAddress> Bind = Of(
        "--bind", "Address to listen on", "an IP address, for example 0.0.0.0", TryAddress, Usual.Bind);

    private static readonly Option<double> Speed = Of(
        "--speed", "Simulated seconds per second; 60 is an hour a minute", "0.1 .. 3600", TrySpeed, 1.0);

    private static readonly Option<DateTimeOffset?> Start = Of<DateTimeOffset?>(
        "--start", "When simulated time starts [default: now]", StartsAllowed, TryStart);

    private static readonly Option<TimeZoneInfo> TimeZone = Of<TimeZoneInfo>(
        "--time-zone", "Time zone of the devices' clocks and midnights [default: UTC]", "an IANA name, for example Europe/Berlin", TryZone);

    private static readonly Option<string> Serial = Of(
        "--serial", "Serial number of the first device; the others count up", "1 to 20 letters and digits", TrySerial, Usual.Serial);

    private static readonly Option<int> Seed = Number(
        "--seed", "0: the measured day; another number: another sun and household; the other devices count up", 0, 1_000_000, Usual.Seed);

    private static readonly Option<int> Unit = Number("--unit", "Modbus unit id", 1, 247, Usual.UnitId);

    private static readonly Option<WrongUnit> OtherUnit = Of<WrongUnit>(
        "--wrong-unit", "Answer to another unit id: silent, or exception 0x0B [default: silent]", "silent or exception", TryWrongUnit);

    private static readonly Option<int?> Sessions = Of<int?>(
        "--sessions", "Sessions that a device serves at once; one more is closed [default: 2, on a WiNet-S 1]", "1 .. 100", TrySessions);

    private static readonly Option<Model> OfModel = Of(
        "--model", "Model", string.Join(", ", Model.All.Select(model => model.Name)), TryModel, Usual.Model);

    private static readonly Option<InverterPath> Path = Of<InverterPath>(
        "--path", "Where the port is: lan, the inverter's own, or winet, a WiNet-S dongle [default: lan]", "lan or winet", TryInverterPath);

    private static readonly Option<bool> NoBattery = new("--no-battery") { Description = "A hybrid without a battery" };

    private static readonly Option<bool> NoMeter = new("--no-meter") { Description = "No meter is wired to the inverter" };

    private static readonly Option<IReadOnlyList<Fault>> Faulty = FaultList(
        "--fault", $"A fault, {Fault.Form}: switched on all the time, or in that window of each simulated day; may be repeated");

    private static readonly Option<string?> FaultFile = Of<string?>(
        "--fault-file", "Further faults, one a line: on for as long as this file names them; read for each request",
        "the path of a file", TryPath);

    private static readonly Option<string?> Log = Of<string?>(
        "--log", "Append one JSON line per answer to this file", "the path of a file", TryPath);

    private static readonly Option<int> Seconds = Number("--seconds", "Stop after so many real seconds; 0: never", 0, 2_000_000, 0);

    private static string StartsAllowed =>
        $"RFC 3339 with an offset, for example 2026-09-08T05:30:00+02:00, from {EarliestStart:yyyy-MM-dd} to {LatestStart:yyyy-MM-dd}";

    public static RootCommand Create(Func<Settings, CancellationToken, Task<int>> run)
    {
        var command = new RootCommand(
            """
            A simulated Sungrow inverter on Modbus TCP: a believable day whose energy balances, at real or accelerated time.

            Prints a line for each device once it can be read, for example "listening 127.0.0.1:5020 serial A2240312345 unit 1",
            and runs until Ctrl-C or SIGTERM. The same simulated time always serves the same values.

            Faults:

            """ + string.Join('\n', FaultType.All.Select(type => $"  {type.Form}: {type.Says}")))
        {
            OfModel, Path, NoBattery, NoMeter, Port, Devices, Bind, Speed, Start, TimeZone, Serial, Seed, Unit, OtherUnit, Sessions, Faulty,
            FaultFile, Log, Seconds,
        };
        command.SetAction((given, cancellationToken) => run(Read(given), cancellationToken));
        command.Subcommands.Add(SamplesCommand.Create(Serial, Seed, TimeZone));
        return command;
    }

    private static Settings Read(ParseResult given) => new(
        new InverterOptions
        {
            Bind = given.GetRequiredValue(Bind),
            Port = given.GetRequiredValue(Port),
            Serial = given.GetRequiredValue(Serial),
            UnitId = (byte)given.GetRequiredValue(Unit),
            WrongUnit = given.GetValue(OtherUnit),
            Model = given.GetRequiredValue(OfModel),
            Path = given.GetValue(Path),
            Battery = !given.GetValue(NoBattery),
            Meter = !given.GetValue(NoMeter),
            Sessions = given.GetValue(Sessions),
            TimeZone = given.GetValue(TimeZone) ?? Usual.TimeZone,
            Seed = given.GetRequiredValue(Seed),
        },
        given.GetRequiredValue(Devices),
        given.GetRequiredValue(Speed),
        given.GetValue(Start),
        given.GetValue(Log),
        given.GetRequiredValue(Seconds) is > 0 and var seconds ? TimeSpan.FromSeconds(seconds) : null)
    {
        Faults = given.GetRequiredValue(Faulty),
        FaultFile = given.GetValue(FaultFile),
    };
}
