using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class IdentityTests
{
    private static InverterIdentity? Identify(Words words) =>
        InverterIdentity.From(words.Serve(IdentityMap.Id), words.Read(IdentityMap.Id));

    [Fact]
    public void An_SH10RT_says_who_it_is() =>
        Assert.Equal(
            new InverterIdentity("A2290112345", 0x0E03, "SH10RT", InverterFamily.Hybrid, 10_000, 3) { Trackers = 2 },
            Identify(Words.Sh10Rt()));

    [Fact]
    public void A_string_inverter_says_who_it_is() =>
        Assert.Equal(
            new InverterIdentity("A2012345678", 0x2606, "SG5.0RS", InverterFamily.String, 5_000, 1) { Trackers = 2 },
            Identify(Words.Sg5Rs()));

    [Theory]
    [InlineData(0x0E7F, "SH (type 0x0E7F)", true)]
    [InlineData(0x0DFF, "SH (type 0x0DFF)", true)]
    [InlineData(0x2699, "SG (type 0x2699)", false)]
    [InlineData(0x0F00, "SG (type 0x0F00)", false)]
    public void An_unknown_code_is_read_by_its_familys_map(ushort code, string model, bool hybrid)
    {
        var identity = Identify(Words.Sh10Rt().Set(4999, code))!;

        Assert.Equal(model, identity.Model);
        Assert.Equal(hybrid ? InverterFamily.Hybrid : InverterFamily.String, identity.Family);
        Assert.Equal(3, identity.Phases);
        Assert.Null(identity.Trackers);
    }

    [Fact]
    public void All_twenty_characters_of_a_serial_number_are_read() =>
        Assert.Equal("ABCDEFGHIJKLMNOPQRST", Identify(Words.Sh10Rt().SetText(4989, 10, "ABCDEFGHIJKLMNOPQRST"))!.Serial);

    [Theory]
    [InlineData(0xFFFF)]
    [InlineData(0x0000)]
    public void A_serial_number_that_is_not_served_is_empty(ushort word) =>
        Assert.Equal("", Identify(Words.Sh10Rt().Set(4989, [.. Enumerable.Repeat(word, 10)]))!.Serial);

    [Theory]
    [InlineData(0)]
    [InlineData(0xFFFF)]
    public void Words_without_a_type_code_name_nobody(ushort word) => Assert.Null(Identify(new Words { Elsewhere = word }));

    [Fact]
    public void What_is_served_of_power_and_phases_wins_over_the_table()
    {
        var identity = Identify(Words.Sh10Rt().Set(5000, 99, 0))!;

        Assert.Equal(9_900, identity.NominalPowerWatts);
        Assert.Equal(1, identity.Phases);
    }

    [Fact]
    public void Absent_power_is_null_and_absent_phases_come_from_the_table()
    {
        var identity = Identify(Words.Sh10Rt().Set(5000, 0xFFFF, 0xFFFF))!;

        Assert.Null(identity.NominalPowerWatts);
        Assert.Equal(3, identity.Phases);
    }

    [Fact]
    public void Every_code_of_the_table_belongs_to_the_family_that_the_code_itself_says() =>
        Assert.All(
            HybridTypes.All.Concat(StringTypes.All),
            type => Assert.Equal(type.Family, DeviceTypes.FamilyOf(type.Code)));

    [Fact]
    public void No_code_names_two_models()
    {
        var types = HybridTypes.All.Concat(StringTypes.All).ToList();

        Assert.Equal(types.Count, types.Select(type => type.Code).Distinct().Count());
        Assert.Equal(types.Count, types.Select(type => type.Model).Distinct().Count());
    }
}
