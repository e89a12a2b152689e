using Sungrow.Edge.Uplink;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public class BatchLimitTests
{
    [Fact]
    public void It_is_halved_by_each_refusal_down_to_one()
    {
        var limit = new BatchLimit(500);
        List<int> rows = [];
        while (limit.Rows > 1)
        {
            limit.TooLarge(limit.Rows);
            rows.Add(limit.Rows);
        }

        limit.TooLarge(1);

        Assert.Equal([250, 125, 62, 31, 15, 7, 3, 1], rows);
        Assert.Equal(1, limit.Rows);
    }

    [Fact]
    public void A_batch_below_the_limit_that_is_too_large_brings_the_limit_below_it()
    {
        var limit = new BatchLimit(500);
        limit.TooLarge(40);

        Assert.Equal(20, limit.Rows);
    }

    [Fact]
    public void It_grows_back_slowly_and_not_beyond_the_setting()
    {
        var limit = new BatchLimit(500);
        limit.TooLarge(500);
        var accepted = 0;
        for (; limit.Rows < 500; accepted++)
        {
            limit.Accepted(limit.Rows);
        }

        Assert.Equal(8, accepted);
        limit.Accepted(500);
        Assert.Equal(500, limit.Rows);
    }

    [Fact]
    public void A_batch_that_was_not_full_proves_nothing()
    {
        var limit = new BatchLimit(500);
        limit.TooLarge(500);
        for (var n = 0; n < 100; n++)
        {
            limit.Accepted(249);
        }

        Assert.Equal(250, limit.Rows);
    }

    [Theory]
    [InlineData(200, 1_000_000, 200, 1_000_000)]
    [InlineData(5_000, 4_194_304, 500, 4_194_304)]
    [InlineData(9_000, 99_000_000, 500, 4_194_304)]
    [InlineData(0, 0, 1, 4_194_304)]
    [InlineData(-1, -1, 1, 4_194_304)]
    public void What_the_server_says_of_itself_bounds_it(int maxSamples, int maxBytes, int rows, int bytes)
    {
        var limit = new BatchLimit(500);
        limit.Learn(new ServerLimits(maxSamples, maxBytes, 0, 0, 0, 0));

        Assert.Equal((rows, bytes), (limit.Rows, limit.Bytes));
    }
}
