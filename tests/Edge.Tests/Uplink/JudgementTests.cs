using Sungrow.Edge.Buffer;
using Sungrow.Edge.Tests.Buffer;
using Sungrow.Edge.Uplink;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public class JudgementTests
{
    private static readonly BufferedSample Row = Rows.Row(1, 1);
    private static readonly DateTimeOffset Now = new(2027, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_refused_row_is_a_dead_letter_with_the_server_s_code() =>
        Assert.Equal(new DeadLetter("OUT_OF_RANGE", "0 .. 100"), Judgement.Of(Row, new("OUT_OF_RANGE", "0 .. 100"), Now));

    [Fact]
    public void The_server_s_words_are_one_line_and_bounded()
    {
        var letter = Assert.IsType<DeadLetter>(Judgement.Of(Row, new("OUT_OF_RANGE", "a\r\n\u001b[31mb" + new string('x', 5_000)), Now));

        Assert.StartsWith("a   [31mbxxx", letter.Detail, StringComparison.Ordinal);
        Assert.Equal(200, letter.Detail.Length);
    }

    /// <summary>The server takes what lies up to five minutes ahead of it. Its time counts, not ours.</summary>
    [Theory]
    [InlineData(-600, 60)]
    [InlineData(0, 60)]
    [InlineData(301, 60)]
    [InlineData(900, 600)]
    [InlineData(3_900, 3_600)]
    [InlineData(86_400, 21_600)]
    [InlineData(31_536_000, 21_600)]
    public void A_row_in_the_server_s_future_is_held_until_the_server_gets_there_within_bounds(int aheadSeconds, int heldSeconds) =>
        Assert.Equal(
            new Hold("TIMESTAMP_IN_FUTURE", Now.AddSeconds(heldSeconds)),
            Judgement.Of(Row, new("TIMESTAMP_IN_FUTURE", "", Row.Ts.AddSeconds(-aheadSeconds)), Now));

    [Fact]
    public void Without_the_server_s_time_ours_must_do() =>
        Assert.Equal(
            new Hold("TIMESTAMP_IN_FUTURE", Row.Ts.AddSeconds(-900 + 600)),
            Judgement.Of(Row, new("TIMESTAMP_IN_FUTURE", ""), Row.Ts.AddSeconds(-900)));
}
