using Sungrow.Edge.Uplink;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public class RetryAfterTests
{
    private static readonly DateTimeOffset Now = new(2026, 9, 8, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("120", 120)]
    [InlineData(" 120 ", 120)]
    [InlineData("0", 0)]
    [InlineData("2147483647", int.MaxValue)]
    [InlineData("Tue, 08 Sep 2026 12:02:00 GMT", 120)]
    [InlineData("Tue, 08 Sep 2026 11:59:00 GMT", -60)]
    [InlineData("Tuesday, 08-Sep-26 12:02:00 GMT", 120)]
    [InlineData("Tue Sep  8 12:02:00 2026", 120)]
    [InlineData("-5", null)]
    [InlineData("+5", null)]
    [InlineData("1.5", null)]
    [InlineData("1e3", null)]
    [InlineData("0x10", null)]
    [InlineData("120s", null)]
    [InlineData("٣", null)]
    [InlineData("soon", null)]
    [InlineData("Mon, 08 Sep 2026 12:02:00 GMT", null)]
    [InlineData("Tue, 31 Sep 2026 12:02:00 GMT", null)]
    [InlineData("", null)]
    [InlineData("   ", null)]
    public void It_is_seconds_or_a_date_and_garbage_is_none(string value, int? seconds) =>
        Assert.Equal(seconds, RetryAfter.Read([value], Now)?.TotalSeconds);

    [Theory]
    [InlineData("922337203686")]
    [InlineData("9223372036854775807")]
    [InlineData("99999999999999999999999999")]
    public void A_number_too_large_to_hold_is_as_long_as_it_gets(string value) =>
        Assert.Equal(TimeSpan.MaxValue, RetryAfter.Read([value], Now));

    [Theory]
    [InlineData(new string[0], null)]
    [InlineData(new[] { "5", "120" }, 120)]
    [InlineData(new[] { "120", "5" }, 120)]
    [InlineData(new[] { "soon", "5" }, 5)]
    [InlineData(new[] { "5", "Tue, 08 Sep 2026 12:02:00 GMT" }, 120)]
    public void Of_two_lines_the_longest_that_can_be_read_holds(string[] values, int? seconds) =>
        Assert.Equal(seconds, RetryAfter.Read(values, Now)?.TotalSeconds);
}
