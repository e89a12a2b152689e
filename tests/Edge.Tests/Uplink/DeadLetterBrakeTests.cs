using Sungrow.Edge.Uplink;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

public class DeadLetterBrakeTests
{
    private static readonly TimeSpan Now = TimeSpan.FromDays(3);

    [Fact]
    public void Twenty_in_a_row_with_one_code_go_and_the_next_stays()
    {
        var brake = new DeadLetterBrake(null);

        Assert.Equal(20, Enumerable.Range(0, 100).Count(_ => brake.TryDeadLetter("OUT_OF_RANGE", Now)));
        Assert.Equal("OUT_OF_RANGE", brake.EngagedWith);
        Assert.False(brake.TryDeadLetter("EMPTY_SAMPLE", Now));
    }

    [Fact]
    public void Another_code_starts_the_count_anew()
    {
        var brake = new DeadLetterBrake(null);

        Assert.All(Enumerable.Range(0, 100), n => Assert.True(brake.TryDeadLetter(n % 19 == 0 ? "EMPTY_SAMPLE" : "OUT_OF_RANGE", Now)));
    }

    [Fact]
    public void Something_stored_in_between_starts_the_count_anew()
    {
        var brake = new DeadLetterBrake(null);
        for (var n = 0; n < 100; n++)
        {
            if (n % 19 == 0)
            {
                brake.Release();
            }

            Assert.True(brake.TryDeadLetter("OUT_OF_RANGE", Now));
        }
    }

    [Fact]
    public void While_it_is_on_one_batch_an_hour_may_be_tried()
    {
        var brake = new DeadLetterBrake(null);
        Assert.Equal(TimeSpan.Zero, brake.UntilProbe(Now));
        for (var n = 0; n < 20; n++)
        {
            brake.TryDeadLetter("OUT_OF_RANGE", Now);
        }

        Assert.Equal(TimeSpan.FromHours(1), brake.UntilProbe(Now));
        Assert.True(brake.UntilProbe(Now + TimeSpan.FromMinutes(61)) < TimeSpan.Zero);
        brake.ProbeFailed(Now + TimeSpan.FromMinutes(61));
        Assert.Equal(TimeSpan.FromHours(1), brake.UntilProbe(Now + TimeSpan.FromMinutes(61)));
        brake.Release();
        Assert.Equal((null, TimeSpan.Zero), (brake.EngagedWith, brake.UntilProbe(Now)));
        Assert.Equal(20, Enumerable.Range(0, 100).Count(_ => brake.TryDeadLetter("OUT_OF_RANGE", Now)));
    }

    [Fact]
    public void What_could_not_be_written_down_does_not_count()
    {
        var brake = new DeadLetterBrake(null);
        for (var n = 0; n < 19; n++)
        {
            brake.TryDeadLetter("OUT_OF_RANGE", Now);
        }

        var before = brake.Current;
        Assert.True(brake.TryDeadLetter("OUT_OF_RANGE", Now));
        Assert.NotNull(brake.EngagedWith);
        brake.Current = before;

        Assert.Null(brake.EngagedWith);
        Assert.True(brake.TryDeadLetter("OUT_OF_RANGE", Now));
        Assert.False(brake.TryDeadLetter("OUT_OF_RANGE", Now));
    }

    [Fact]
    public void One_that_was_on_before_a_restart_is_on_and_tries_at_once()
    {
        var brake = new DeadLetterBrake("OUT_OF_RANGE");

        Assert.False(brake.TryDeadLetter("OUT_OF_RANGE", Now));
        Assert.Equal(TimeSpan.Zero, brake.UntilProbe(Now));
        brake.ProbeFailed(Now);
        Assert.Equal(TimeSpan.FromHours(1), brake.UntilProbe(Now));
    }
}
