using System.CommandLine;
using System.Globalization;
using System.Net;
using Sungrow.Simulator.Faults;

namespace Sungrow.Simulator;

/// <summary>How options are read: a value that is not allowed is named together with what is.</summary>
internal static class OptionForms
{
    public delegate bool TryRead<T>(string text, out T value);

    public static Option<int> Number(string name, string description, int least, int most, int standard)
    {
        return Of(name, description, $"{least} .. {most}", TryNumber, standard);

        bool TryNumber(string text, out int value) =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= least && value <= most;
    }

    public static Option<T> Of<T>(string name, string description, string allowed, TryRead<T> read, T standard)
    {
        var option = Of(name, description, allowed, read);
        option.DefaultValueFactory = _ => standard;
        return option;
    }

    public static Option<T> Of<T>(string name, string description, string allowed, TryRead<T> read) => new(name)
    {
        Description = description,
        HelpName = name[2..],
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (!read(text, out var value))
            {
                result.AddError(NotAllowed(name, text, allowed));
            }

            return value;
        },
    };

    /// <summary>May be repeated, one fault each.</summary>
    public static Option<IReadOnlyList<Fault>> FaultList(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "fault",
        Arity = ArgumentArity.OneOrMore,
        DefaultValueFactory = _ => [],
        CustomParser = result =>
        {
            var faults = new List<Fault>();
            foreach (var token in result.Tokens)
            {
                if (Fault.TryParse(token.Value, out var fault, out var allowed))
                {
                    faults.Add(fault!);
                }
                else
                {
                    result.AddError(NotAllowed(name, token.Value, allowed));
                }
            }

            return faults;
        },
    };

    public static bool TryAddress(string text, out IPAddress value) => IPAddress.TryParse(text, out value!);

    public static bool TrySpeed(string text, out double value) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value) && value is >= 0.1 and <= 3600;

    public static bool TryStart(string text, out DateTimeOffset? value)
    {
        string[] forms = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'"];
        var read = DateTimeOffset.TryParseExact(text, forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var start);
        value = start;
        return read && start >= CommandLine.EarliestStart && start <= CommandLine.LatestStart;
    }

    public static bool TryZone(string text, out TimeZoneInfo value) => TimeZoneInfo.TryFindSystemTimeZoneById(text, out value!);

    public static bool TrySerial(string text, out string value)
    {
        value = text;
        return text.Length is >= 1 and <= 20 && text.All(char.IsAsciiLetterOrDigit);
    }

    public static bool TryWrongUnit(string text, out WrongUnit value)
    {
        value = text == "exception" ? WrongUnit.Exception : WrongUnit.Silent;
        return text is "exception" or "silent";
    }

    public static bool TryPath(string text, out string? value)
    {
        value = text;
        return text.Length > 0;
    }

    public static bool TrySessions(string text, out int? value)
    {
        value = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var sessions) ? sessions : null;
        return value is >= 1 and <= 100;
    }

    public static bool TryModel(string text, out Model value)
    {
        value = Model.All.FirstOrDefault(model => model.Name == text) ?? Model.Sh10Rt;
        return value.Name == text;
    }

    public static bool TryInverterPath(string text, out InverterPath value)
    {
        value = text == "winet" ? InverterPath.WiNet : InverterPath.Lan;
        return text is "lan" or "winet";
    }

    private static string NotAllowed(string name, string text, string allowed) =>
        $"{name}: '{text}' is not allowed; allowed is {allowed}.";
}
