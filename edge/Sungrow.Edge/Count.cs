using System.Globalization;

namespace Sungrow.Edge;

/// <summary>A number with its noun: 1 sample, 2 samples.</summary>
internal static class Count
{
    public static string Of(long number, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {noun}{(number == 1 ? "" : "s")}");
}
