using System.Reflection;
using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class MapTests
{
    [Theory]
    [InlineData(typeof(IdentityMap))]
    [InlineData(typeof(HybridMap))]
    [InlineData(typeof(StringMap))]
    public void Every_register_lies_whole_in_one_block_that_is_asked_for(Type map)
    {
        var blocks = Fields<RegisterBlock>(map);
        var registers = Fields<Register>(map);

        Assert.NotEmpty(registers);
        Assert.All(registers, register => Assert.Single(blocks, block => block.Holds(register)));
        Assert.All(blocks, block => Assert.InRange(block.Count, 1, ModbusFrame.MaxPoints));
    }

    [Theory]
    [InlineData(typeof(IdentityMap))]
    [InlineData(typeof(HybridMap))]
    [InlineData(typeof(StringMap))]
    public void Every_register_cites_the_documented_number_one_above_its_address(Type map) =>
        Assert.All(Fields<Register>(map), register => Assert.StartsWith($"{register.Wire + 1}", register.Source));

    [Fact]
    public void A_hybrid_is_asked_for_three_blocks_and_the_moment_of_load_and_export_first() =>
        Assert.Equal(
            [("MAIN", 12999, 48), ("PV", 5007, 29), ("BATT", 5213, 2)],
            HybridMap.Blocks.Select(block => (block.Name, (int)block.Start, (int)block.Count)));

    private static List<T> Fields<T>(Type map) =>
        [.. map.GetFields(BindingFlags.Static | BindingFlags.Public).Select(field => field.GetValue(null)).OfType<T>()];
}
