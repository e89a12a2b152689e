using System.Globalization;

namespace Sungrow.Protocol;

/// <summary>Times on the wire: RFC 3339 with an offset, kept in UTC to the microsecond. Finer digits are truncated, as PostgreSQL would
/// otherwise round them and the same sample would have two keys.</summary>
public static class Rfc3339
{
    public const string Form = "RFC 3339 with an offset or Z, for example 2026-09-08T16:07:48Z";

    /// <summary>The longest text <see cref="TryParse"/> looks at. Nine digits of a second are common, more than twenty are
    /// nonsense.</summary>
    public const int MaxLength = 48;

    // yyyy-MM-ddTHH:mm:ss
    private const int SecondsEnd = 19;

    /// <summary>Reads <paramref name="text"/>; false where it is no RFC 3339 time with an offset. A space in place of the <c>T</c> passes,
    /// as the RFC allows. A leap second (<c>:60</c>) is refused: no clock we talk to can represent it.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out DateTimeOffset utc)
    {
        utc = default;
        if (text.Length is <= SecondsEnd or > MaxLength
            || text[4] != '-' || text[7] != '-' || text[10] is not ('T' or 't' or ' ') || text[13] != ':' || text[16] != ':'
            || !TryDigits(text[..4], out var year) || !TryDigits(text[5..7], out var month) || !TryDigits(text[8..10], out var day)
            || !TryDigits(text[11..13], out var hour) || !TryDigits(text[14..16], out var minute)
            || !TryDigits(text[17..19], out var second)
            || year == 0 || month is 0 or > 12 || day == 0 || day > DateTime.DaysInMonth(year, month)
            || hour > 23 || minute > 59 || second > 59)
        {
            return false;
        }

        var rest = text[SecondsEnd..];
        if (!TryFraction(ref rest, out var microseconds) || !TryOffset(rest, out var offsetMinutes))
        {
            return false;
        }

        var ticks = new DateTime(year, month, day, hour, minute, second, DateTimeKind.Utc).Ticks
            + (microseconds * TimeSpan.TicksPerMicrosecond) - (offsetMinutes * TimeSpan.TicksPerMinute);
        if (ticks < 0 || ticks > DateTime.MaxValue.Ticks)
        {
            return false;
        }

        utc = new DateTimeOffset(ticks, TimeSpan.Zero);
        return true;
    }

    /// <summary><c>2026-09-08T16:07:48.123456Z</c>, without trailing zeros of the fraction.</summary>
    public static string Write(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFF'Z'", CultureInfo.InvariantCulture);

    /// <summary>The same instant in UTC, finer than microseconds cut off.</summary>
    public static DateTimeOffset Truncate(DateTimeOffset time) =>
        new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    // Not int.TryParse, which passes over NUL characters at the end.
    private static bool TryDigits(ReadOnlySpan<char> text, out int value)
    {
        value = 0;
        foreach (var digit in text)
        {
            if (!char.IsAsciiDigit(digit))
            {
                return false;
            }

            value = (value * 10) + (digit - '0');
        }

        return true;
    }

    private static bool TryFraction(ref ReadOnlySpan<char> rest, out int microseconds)
    {
        microseconds = 0;
        if (rest[0] != '.')
        {
            return true;
        }

        var end = 1 + rest[1..].IndexOfAnyExceptInRange('0', '9');
        if (end <= 1)
        {
            return false; // No digit after the point, or nothing after the digits: there is no offset.
        }

        for (var i = 1; i <= 6; i++)
        {
            microseconds = (microseconds * 10) + (i < end ? rest[i] - '0' : 0);
        }

        rest = rest[end..];
        return true;
    }

    private static bool TryOffset(ReadOnlySpan<char> text, out int minutes)
    {
        minutes = 0;
        if (text is "Z" or "z")
        {
            return true;
        }

        if (text.Length != 6 || text[0] is not ('+' or '-') || text[3] != ':'
            || !TryDigits(text[1..3], out var hours) || !TryDigits(text[4..6], out var rest) || hours > 23 || rest > 59)
        {
            return false;
        }

        minutes = ((hours * 60) + rest) * (text[0] == '-' ? -1 : 1);
        return true;
    }
}
