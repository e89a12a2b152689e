using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class WordOrderTests
{
    private static readonly int[] Pairs = [.. HybridMap.Pairs.Select(register => register.Wire)];

    private static WordOrder Of(Words words, double? nominalWatts) =>
        WordOrders.Of(words.Serve(HybridMap.Blocks), HybridMap.Pairs, nominalWatts);

    private static Words Swapped(Words words)
    {
        foreach (var wire in Pairs)
        {
            words.Set(wire, words[wire + 1], words[wire]);
        }

        return words;
    }

    private static Reading Read(Words words, double nominalWatts)
    {
        var served = words.Serve(HybridMap.Blocks);
        served.Order = WordOrders.Of(served, HybridMap.Pairs, nominalWatts);
        return HybridReading.Of(served);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(5_000)]
    [InlineData(20_000)]
    [InlineData(125_000)]
    public void Real_inverters_are_as_documented_and_their_swapped_words_are_seen(int? nominalWatts)
    {
        Assert.Equal(WordOrder.AsDocumented, Of(Words.Sh10Rt(), nominalWatts));
        Assert.Equal(WordOrder.AsDocumented, Of(Words.Sh20T(), nominalWatts));
        Assert.Equal(WordOrder.Swapped, Of(Swapped(Words.Sh10Rt()), nominalWatts));
        Assert.Equal(WordOrder.Swapped, Of(Swapped(Words.Sh20T()), nominalWatts));
    }

    [Theory]
    [InlineData(1, 0)] // read as 65536 W
    [InlineData(-2, 0)] // -65537 W
    [InlineData(0, 65_536)] // 1 W
    [InlineData(4_464, 70_000)] // far too much
    public void A_large_inverters_swapped_powers_are_no_values_however_they_read(int export, int battery)
    {
        var reading = Read(Swapped(Words.Sh20T().Set32(13009, export).Set32(5213, battery)), nominalWatts: 125_000);

        Assert.Null(reading.LoadPowerWatts);
        Assert.Null(reading.PvPowerWatts);
        Assert.True(reading.ExportPowerWatts is null || export == 0);
        Assert.Equal(0, reading.BatteryPowerWatts); // 13022, of one word
        Assert.Equal(107.2, reading.PvDailyKwh);
    }

    [Fact]
    public void A_large_inverters_true_powers_are_values() =>
        Assert.Equal(
            new Reading(131_072, 107.2, 65_536, 100, 18, 65_537, -65_537),
            Read(Words.Sh20T().Set32(5016, 131_072).Set32(5213, 65_536).Set32(13007, 65_537).Set32(13009, -65_537), 125_000));

    [Fact]
    public void One_odd_counter_of_broken_firmware_costs_nothing() =>
        Assert.Equal(8509, Read(Words.Sh20T().Set(13045, 0, 40_000), nominalWatts: 20_000).ExportPowerWatts);

    // The first morning of a new inverter: nothing has been counted, and little flows.
    [Fact]
    public void Where_nothing_tells_only_small_values_are_believed()
    {
        var first = new Words().Set(12999, 64, 9).Set32(5016, 1).Set32(13009, 2).Set32(13007, 1).Set(13019, 1993, 0, 0, 500, 1000, 200);

        Assert.Equal(WordOrder.Untold, Of(first, 125_000));
        var reading = Read(first, 125_000);
        Assert.Equal((1, 1, 2), (reading.PvPowerWatts, reading.LoadPowerWatts, reading.ExportPowerWatts));

        reading = Read(Swapped(first), 125_000);
        Assert.Equal((null, null, null), (reading.PvPowerWatts, reading.LoadPowerWatts, reading.ExportPowerWatts));
    }

    [Fact]
    public void A_swapped_mark_of_absence_is_no_value()
    {
        var absent = new Words { Elsewhere = 0xFFFF }.Set(12999, 64, 9).Set(13007, 0x7FFF, 0xFFFF, 0x7FFF, 0xFFFF).Set(13019, 1993);

        var reading = Read(absent, 20_000);

        Assert.Equal((null, null), (reading.LoadPowerWatts, reading.ExportPowerWatts));
    }
}
