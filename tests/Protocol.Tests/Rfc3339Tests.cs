using System.Globalization;
using System.Text.Json;

namespace Sungrow.Protocol.Tests;

public class Rfc3339Tests
{
    [Fact]
    public void Any_offset_letter_and_fraction_reads_as_the_same_instant_cut_to_the_microsecond() => Any.Holds(
        random =>
        {
            // A day inside the calendar's ends, so that the local time exists whatever the offset.
            var utc = Any.Time(random, DateTimeOffset.MinValue.AddDays(1), DateTimeOffset.MaxValue.AddDays(-1));
            utc = new(utc.UtcTicks - (utc.UtcTicks % TimeSpan.TicksPerSecond), TimeSpan.Zero);
            var digits = string.Concat(Enumerable.Range(0, random.Next(13)).Select(_ => (char)('0' + random.Next(10))));
            var minutes = random.Next(-1_439, 1_440);
            var offset = minutes == 0 && random.Chance(0.5) ? random.One("Z", "z", "-00:00")
                : $"{(minutes < 0 ? '-' : '+')}{Math.Abs(minutes) / 60:00}:{Math.Abs(minutes) % 60:00}";
            var local = utc.UtcDateTime.AddMinutes(minutes);
            return (
                Text: $"{local:yyyy-MM-dd}{random.One('T', 't', ' ')}{local:HH:mm:ss}{(digits.Length > 0 ? "." : "")}{digits}{offset}",
                Utc: utc.AddMicroseconds(int.Parse(digits.PadRight(6, '0')[..6], CultureInfo.InvariantCulture)));
        },
        sent =>
        {
            Assert.True(Rfc3339.TryParse(sent.Text, out var read));
            Assert.Equal(sent.Utc.UtcTicks, read.UtcTicks);
            Assert.Equal(TimeSpan.Zero, read.Offset);
        },
        times: 3_000);

    [Fact]
    public void What_is_written_reads_as_the_instant_cut_to_the_microsecond() => Any.Holds(
        random => Any.Time(random, DateTimeOffset.MinValue, DateTimeOffset.MaxValue).ToOffset(TimeSpan.Zero),
        time =>
        {
            Assert.True(Rfc3339.TryParse(Rfc3339.Write(time), out var read));
            Assert.Equal(Rfc3339.Truncate(time), read);
            Assert.InRange((time - read).Ticks, 0, TimeSpan.TicksPerMicrosecond - 1);
            // The serializer writes the same without a string in between.
            Assert.Contains(
                $"\"ts\":\"{Rfc3339.Write(time)}\"",
                JsonSerializer.Serialize(new() { DeviceId = "A1", Ts = time }, ProtocolJson.Default.SungrowSample),
                StringComparison.Ordinal);
        },
        times: 3_000);

    [Theory]
    [InlineData("2026-09-08T18:07:48+02:00", "2026-09-08T16:07:48Z")]
    [InlineData("2026-09-08T16:07:48.000000Z", "2026-09-08T16:07:48Z")]
    [InlineData("2026-09-08T16:07:48.100Z", "2026-09-08T16:07:48.1Z")]
    [InlineData("2026-09-08T16:07:48.9999999Z", "2026-09-08T16:07:48.999999Z")]
    [InlineData("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z")]
    [InlineData("2026-01-01T00:00:00+23:59", "2025-12-31T00:01:00Z")]
    [InlineData("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z")]
    [InlineData("0001-01-01T00:01:00+00:01", "0001-01-01T00:00:00Z")]
    [InlineData("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999Z")]
    [InlineData("2026-09-08T16:07:48.1234567890123456789012Z", "2026-09-08T16:07:48.123456Z")]
    public void A_time_is_written_in_UTC_without_needless_digits(string text, string written)
    {
        Assert.True(Rfc3339.TryParse(text, out var time));
        Assert.Equal(written, Rfc3339.Write(time));
    }

    [Theory]
    [InlineData("")]
    [InlineData("garbage, and a lot of it")]
    [InlineData("2026-09-08")]
    [InlineData("2026-09-08T16:07Z")]
    [InlineData("2026-09-08T16:07:48")]
    [InlineData("2026-09-08T16:07:48.5")]
    [InlineData("2026-09-08T16:07:48.Z")]
    [InlineData("2026-09-08T16:07:48,5Z")]
    [InlineData("2026-09-08T16:07:48 Z")]
    [InlineData("2026-09-08T16:07:48ZZ")]
    [InlineData(" 2026-09-08T16:07:48Z")]
    [InlineData("2026-09-08T16:07:48UTC")]
    [InlineData("2026-09-08T16:07:48+2")]
    [InlineData("2026-09-08T16:07:48+02")]
    [InlineData("2026-09-08T16:07:48+0200")]
    [InlineData("2026-09-08T16:07:48+02:0")]
    [InlineData("2026-09-08T16:07:48+02:000")]
    [InlineData("2026-09-08T16:07:48+24:00")]
    [InlineData("2026-09-08T16:07:48+02:60")]
    [InlineData("2026-09-08T16:07:48+-2:00")]
    [InlineData("2026-12-31T23:59:60Z")]
    [InlineData("2026-12-31T23:60:00Z")]
    [InlineData("2026-12-31T24:00:00Z")]
    [InlineData("2026-00-01T00:00:00Z")]
    [InlineData("2026-13-01T00:00:00Z")]
    [InlineData("2026-09-00T00:00:00Z")]
    [InlineData("2026-02-30T00:00:00Z")]
    [InlineData("2025-02-29T00:00:00Z")]
    [InlineData("0000-01-01T00:00:00Z")]
    [InlineData("10000-01-01T00:00:00Z")]
    [InlineData("-001-01-01T00:00:00Z")]
    [InlineData("0001-01-01T00:00:00+00:01")]
    [InlineData("9999-12-31T23:59:59-00:01")]
    [InlineData("2026-9-08T16:07:48.00Z")]
    [InlineData("2026-1\0-08T16:07:48Z")]
    [InlineData("2026-09-08T16:07:4\0Z")]
    [InlineData("2026-09-08T16:07:48+0\0:00")]
    [InlineData("2026-09-08T16:07:48Z\0")]
    [InlineData("２０２６-09-08T16:07:48Z")]
    [InlineData("2026-09-08T16:07:48.123456789012345678901234567890Z")]
    public void Any_other_form_is_refused(string text)
    {
        Assert.False(Rfc3339.TryParse(text, out _));

        var read = Wire.ReadSamples(Wire.SampleWith("ts", JsonSerializer.Serialize(text)));
        Assert.Equal(["samples[0].ts MALFORMED_TIMESTAMP"], read.Named());
    }

    [Fact]
    public void A_long_text_is_refused_unread() =>
        Assert.False(Rfc3339.TryParse("2026-09-08T16:07:48." + new string('0', 1_000_000) + "Z", out _));
}
