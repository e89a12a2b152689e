using System.Globalization;
using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class RegisterTests
{
    private static Register Of(Kind kind, double scale = 1) => new("r", 0, kind, (decimal)scale, "", "");

    [Fact]
    public void Thirty_two_bits_come_low_word_first() =>
        Assert.Equal(0x01020304, Of(Kind.U32).Decode([0x0304, 0x0102]));

    [Fact]
    public void The_vendors_own_example_decodes() =>
        Assert.Equal(73215.0, Of(Kind.U32, 0.1).Decode([0x2BF6, 0x000B]));

    [Theory]
    [InlineData(0xFFFF, "U16")]
    [InlineData(0x7FFF, "S16")]
    public void One_word_absent_is_null_before_any_scale(ushort word, string kind) =>
        Assert.Null(Of(Enum.Parse<Kind>(kind), 0.1).Decode([word]));

    [Theory]
    [InlineData(0xFFFF, "U32")]
    [InlineData(0x7FFF, "S32")]
    public void Two_words_absent_are_null(ushort high, string kind) => Assert.Null(Of(Enum.Parse<Kind>(kind)).Decode([0xFFFF, high]));

    [Fact]
    public void Minus_one_is_a_value_and_not_a_sentinel()
    {
        Assert.Equal(-1, Of(Kind.S32).Decode([0xFFFF, 0xFFFF]));
        Assert.Equal(-0.1, Of(Kind.S16, 0.1).Decode([0xFFFF]));
    }

    [Fact]
    public void What_is_absent_for_one_type_is_a_value_for_another()
    {
        Assert.Equal(0x7FFF, Of(Kind.U16).Decode([0x7FFF]));
        Assert.Equal(0x7FFFFFFF, Of(Kind.U32).Decode([0xFFFF, 0x7FFF]));
        Assert.Equal(-32768, Of(Kind.S16).Decode([0x8000]));
        Assert.Equal(int.MinValue, Of(Kind.S32).Decode([0, 0x8000]));
    }

    [Fact]
    public void Every_tenth_is_the_double_that_its_decimal_reads_as()
    {
        for (var raw = 0; raw < ushort.MaxValue; raw++)
        {
            var asWritten = double.Parse($"{raw / 10}.{raw % 10}", CultureInfo.InvariantCulture);
            Assert.Equal(asWritten, Of(Kind.U16, 0.1).Decode([(ushort)raw]));
        }
    }

    public static TheoryData<int, string, double, double?> Sh10Rt => new()
    {
        { 4999, "U16", 1, 0x0E03 }, { 5000, "U16", 0.1, 10.0 }, { 5001, "U16", 1, 1 },
        { 5016, "U32", 1, 1201 }, { 5014, "U16", 0.1, null }, { 5015, "U16", 0.1, null }, { 5007, "S16", 0.1, 43.6 },
        { 12999, "U16", 1, 0x0040 }, { 13000, "U16", 1, 0b101001 }, { 13001, "U16", 0.1, 36.1 }, { 13002, "U32", 0.1, 58764.9 },
        { 13007, "S32", 1, 1106 }, { 13009, "S32", 1, -180 },
        { 13019, "U16", 0.1, 199.3 }, { 13020, "S16", 0.1, 0 }, { 13021, "S16", 1, 0 },
        { 13022, "U16", 0.1, 95.5 }, { 13023, "U16", 0.1, 96.0 }, { 13024, "S16", 0.1, 31.0 },
        { 13033, "S32", 1, 940 }, { 13036, "U32", 0.1, 12196.9 }, { 5600, "S32", 1, 180 }, { 13199, "S32", 1, null },
    };

    public static TheoryData<int, string, double, double?> Sh20T => new()
    {
        { 4999, "U16", 1, 0x0E26 }, { 5000, "U16", 0.1, 20.0 }, { 5001, "U16", 1, 1 },
        { 5010, "U16", 0.1, 465.5 }, { 5011, "U16", 0.1, 7.9 }, { 5012, "U16", 0.1, 561.9 }, { 5013, "U16", 0.1, 2.7 },
        { 5014, "U16", 0.1, 503.9 }, { 5015, "U16", 0.1, 8.0 }, { 5016, "U32", 1, 9327 },
        { 12999, "U16", 1, 0x8100 }, { 13000, "U16", 1, 0b11001 }, { 13001, "U16", 0.1, 107.2 },
        { 13007, "S32", 1, 493 }, { 13009, "S32", 1, 8509 },
        { 13019, "U16", 0.1, 587.8 }, { 13020, "S16", 0.1, 0 }, { 13021, "S16", 1, 0 },
        { 13022, "U16", 0.1, 100 }, { 13023, "U16", 0.1, 98 }, { 13024, "S16", 0.1, 18.0 },
        { 5600, "S32", 1, -8556 }, { 13044, "U16", 0.1, 0 }, { 13045, "U32", 0.1, 19030.6 },
    };

    [Theory]
    [MemberData(nameof(Sh10Rt))]
    public void What_an_SH10RT_served_decodes_to_what_it_measured(int wire, string kind, double scale, double? measured) =>
        Check(Words.Sh10Rt(), wire, kind, scale, measured);

    [Theory]
    [MemberData(nameof(Sh20T))]
    public void What_an_SH20T_served_decodes_to_what_it_measured(int wire, string kind, double scale, double? measured) =>
        Check(Words.Sh20T(), wire, kind, scale, measured);

    private static void Check(Words words, int wire, string kind, double scale, double? measured) =>
        Assert.Equal(measured, Of(Enum.Parse<Kind>(kind), scale).Decode([words[wire], words[wire + 1]]));
}
