using System.Globalization;

namespace Sungrow.Edge.Uplink;

/// <summary>Reads <c>Retry-After</c> (RFC 9110, 10.2.3): seconds or a date.</summary>
internal static class RetryAfter
{
    // The second and third are obsolete, but to be understood.
    private static readonly string[] DateForms = ["r", "dddd, dd-MMM-yy HH:mm:ss 'GMT'", "ddd MMM d HH:mm:ss yyyy"];

    /// <param name="values">One for each header line; of several that can be read the longest holds.</param>
    /// <param name="now">The server's own <c>Date</c> where it sends one: our clock may be off.</param>
    /// <returns>Null where none can be read; negative for a date that has passed; at most <see cref="TimeSpan.MaxValue"/>.</returns>
    public static TimeSpan? Read(IEnumerable<string> values, DateTimeOffset now) =>
        values.Select(value => ReadOne(value.Trim(), now)).Max();

    private static TimeSpan? ReadOne(string value, DateTimeOffset now)
    {
        if (value.Length > 0 && value.All(char.IsAsciiDigit))
        {
            // A number too large to hold still says 'long'.
            return long.TryParse(value, CultureInfo.InvariantCulture, out var seconds) && seconds < TimeSpan.MaxValue.TotalSeconds
                ? TimeSpan.FromSeconds(seconds)
                : TimeSpan.MaxValue;
        }

        const DateTimeStyles Styles = DateTimeStyles.AssumeUniversal | DateTimeStyles.AllowInnerWhite;
        return DateTimeOffset.TryParseExact(value, DateForms, CultureInfo.InvariantCulture, Styles, out var date)
            ? date - now
            : null;
    }
}
