using System.Globalization;

namespace Sungrow.Simulator.Faults;

/// <summary>One fault, as <c>--fault</c> and the lines of a fault file name it.</summary>
/// <param name="Argument">Within what its type allows; "" where there is none.</param>
/// <param name="Window">Null: at any time of day.</param>
internal sealed record Fault(FaultType Type, string Argument, DayWindow? Window)
{
    public const string Form = "NAME[=ARGUMENT][@HH:mm[:ss]-HH:mm[:ss]]";

    public int Number => int.Parse(Argument, CultureInfo.InvariantCulture);

    /// <param name="allowed">What would have been allowed.</param>
    public static bool TryParse(string text, out Fault? fault, out string allowed)
    {
        fault = null;
        var at = text.IndexOf('@');
        var named = at < 0 ? text : text[..at];
        var equals = named.IndexOf('=');
        if (FaultType.Find(equals < 0 ? named : named[..equals]) is not { } type)
        {
            allowed = $"{Form} with NAME one of {string.Join(", ", FaultType.All.Select(one => one.Name))}";
            return false;
        }

        allowed = $"{type.Form}[@HH:mm[:ss]-HH:mm[:ss]]";
        var argument = equals < 0 ? type.Standard : named[(equals + 1)..];
        if (argument is null || !type.Allows(argument) || (equals >= 0 && argument.Length == 0))
        {
            return false;
        }

        DayWindow? window = null;
        if (at >= 0 && !DayWindow.TryParse(text[(at + 1)..], out window))
        {
            return false;
        }

        fault = new Fault(type, argument, window);
        return true;
    }
}

/// <summary>A time of every day, on the wall clock where the inverter hangs; it may span midnight.</summary>
/// <param name="Until">Exclusive.</param>
internal sealed record DayWindow(TimeOnly From, TimeOnly Until)
{
    public static bool TryParse(string text, out DayWindow? window)
    {
        string[] forms = ["HH:mm", "HH:mm:ss"];
        window = text.Split('-') is [var first, var last]
            && TimeOnly.TryParseExact(first, forms, CultureInfo.InvariantCulture, DateTimeStyles.None, out var from)
            && TimeOnly.TryParseExact(last, forms, CultureInfo.InvariantCulture, DateTimeStyles.None, out var until)
            && from != until
            ? new DayWindow(from, until)
            : null;
        return window is not null;
    }

    public bool Holds(DateTimeOffset local) => TimeOnly.FromTimeSpan(local.TimeOfDay).IsBetween(From, Until);
}
