using System.CommandLine;
using System.Globalization;
using System.Net;
using Sungrow.Simulator.Day;

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

    private static readonly Option<int> Sessions = Number(
        "--sessions", "Sessions that a device serves at once; a further one is closed", 1, 100, Usual.Sessions);

    private static readonly Option<string?> Log = Of<string?>(
        "--log", "Append one JSON line per answer to this file", "the path of a file", TryPath);

    private static readonly Option<int> Seconds = Number("--seconds", "Stop after so many real seconds; 0: never", 0, 2_000_000, 0);

    private delegate bool TryRead<T>(string text, out T value);

    private static string StartsAllowed =>
        $"RFC 3339 with an offset, for example 2026-09-08T05:30:00+02:00, from {EarliestStart:yyyy-MM-dd} to {LatestStart:yyyy-MM-dd}";

    public static RootCommand Create(Func<Settings, CancellationToken, Task<int>> run)
    {
        var command = new RootCommand(
            """
            A simulated Sungrow SH10RT on Modbus TCP: a believable day whose energy balances, at real or accelerated time.

            Prints a line for each device once it can be read, for example "listening 127.0.0.1:5020 serial A2240312345 unit 1",
            and runs until Ctrl-C or SIGTERM. The same simulated time always serves the same values.
            """)
        {
            Port, Devices, Bind, Speed, Start, TimeZone, Serial, Seed, Unit, OtherUnit, Sessions, Log, Seconds,
        };
        command.SetAction((given, cancellationToken) => run(Read(given), cancellationToken));
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
            Sessions = given.GetRequiredValue(Sessions),
            TimeZone = given.GetValue(TimeZone) ?? Usual.TimeZone,
            Seed = given.GetRequiredValue(Seed),
        },
        given.GetRequiredValue(Devices),
        given.GetRequiredValue(Speed),
        given.GetValue(Start),
        given.GetValue(Log),
        given.GetRequiredValue(Seconds) is > 0 and var seconds ? TimeSpan.FromSeconds(seconds) : null);

    private static Option<int> Number(string name, string description, int least, int most, int standard)
    {
        return Of(name, description, $"{least} .. {most}", TryNumber, standard);

        bool TryNumber(string text, out int value) =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= least && value <= most;
    }

    private static Option<T> Of<T>(string name, string description, string allowed, TryRead<T> read, T standard)
    {
        var option = Of(name, description, allowed, read);
        option.DefaultValueFactory = _ => standard;
        return option;
    }

    private static Option<T> Of<T>(string name, string description, string allowed, TryRead<T> read) => new(name)
    {
        Description = description,
        HelpName = name[2..],
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (!read(text, out var value))
            {
                result.AddError($"{name}: '{text}' is not allowed; allowed is {allowed}.");
            }

            return value;
        },
    };

    private static bool TryAddress(string text, out IPAddress value) => IPAddress.TryParse(text, out value!);

    private static bool TrySpeed(string text, out double value) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value) && value is >= 0.1 and <= 3600;

    private static bool TryStart(string text, out DateTimeOffset? value)
    {
        string[] forms = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'"];
        var read = DateTimeOffset.TryParseExact(text, forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var start);
        value = start;
        return read && start >= EarliestStart && start <= LatestStart;
    }

    private static bool TryZone(string text, out TimeZoneInfo value) => TimeZoneInfo.TryFindSystemTimeZoneById(text, out value!);

    private static bool TrySerial(string text, out string value)
    {
        value = text;
        return text.Length is >= 1 and <= 20 && text.All(char.IsAsciiLetterOrDigit);
    }

    private static bool TryWrongUnit(string text, out WrongUnit value)
    {
        value = text == "exception" ? WrongUnit.Exception : WrongUnit.Silent;
        return text is "exception" or "silent";
    }

    private static bool TryPath(string text, out string? value)
    {
        value = text;
        return text.Length > 0;
    }
}
