using System.CommandLine;
using Sungrow.Protocol;

namespace Sungrow.Edge.Commands;

/// <summary>An option that is a time.</summary>
internal static class TimeOption
{
    public static Option<DateTimeOffset?> Create(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "time",
        CustomParser = result =>
        {
            if (Rfc3339.TryParse(result.Tokens[0].Value, out var time))
            {
                return time;
            }

            result.AddError(Settings.Wrong(name, result.Tokens[0].Value, Rfc3339.Form));
            return null;
        },
    };
}
