using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class BlockMemoryTests
{
    private readonly BlockMemory _memory = new();
    private TimeSpan _now = TimeSpan.FromDays(3);

    public BlockMemoryTests() => _memory.Connected("A1");

    private bool Asks => _memory.ShouldAsk(HybridMap.Battery, _now);

    [Fact]
    public void A_refusal_holds_for_the_connection_and_a_second_one_for_a_day()
    {
        _memory.Refused(HybridMap.Battery, _now);
        Assert.False(Asks);
        Assert.True(_memory.ShouldAsk(HybridMap.Pv, _now));

        _memory.Connected("A1");
        Assert.True(Asks);
        _memory.Refused(HybridMap.Battery, _now);
        _memory.Connected("A1");
        Assert.False(Asks);

        _now += TimeSpan.FromDays(1);
        Assert.True(Asks);
        _memory.Refused(HybridMap.Battery, _now);
        Assert.False(Asks);
    }

    [Fact]
    public void A_connection_that_lasts_asks_again_after_a_day()
    {
        _memory.Refused(HybridMap.Battery, _now);

        _now += TimeSpan.FromDays(1);

        Assert.True(Asks);
    }

    [Fact]
    public void Two_silences_say_nothing_and_three_rest_the_block()
    {
        for (var connection = 0; connection < 3; connection++)
        {
            Assert.True(Asks);
            _memory.TimedOut(HybridMap.Battery, _now);
            _memory.Connected("A1");
        }

        Assert.False(Asks);
        _now += TimeSpan.FromDays(1);
        Assert.True(Asks);
    }

    [Fact]
    public void An_answer_between_silences_takes_them_back()
    {
        for (var connection = 0; connection < 9; connection++)
        {
            _memory.TimedOut(HybridMap.Battery, _now);
            if (connection % 2 == 1)
            {
                _memory.Answered(HybridMap.Battery);
            }

            _memory.Connected("A1");
            Assert.True(Asks);
        }
    }

    [Fact]
    public void Another_inverter_is_asked_for_everything()
    {
        _memory.Refused(HybridMap.Battery, _now);
        _memory.Connected("A1");
        _memory.Refused(HybridMap.Battery, _now);

        _memory.Connected("A2");

        Assert.True(Asks);
    }
}
