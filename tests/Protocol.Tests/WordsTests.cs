namespace Sungrow.Protocol.Tests;

/// <summary>The small rules: codes, ids, counts.</summary>
public class WordsTests
{
    [Theory]
    [InlineData("ABC")]
    [InlineData("A_1")]
    [InlineData("A__")]
    [InlineData("SOME_CODE_OF_A_NEWER_SERVER_2")]
    [InlineData("A234567890123456789012345678901234567890123456789012345678901234")]
    public void A_code_of_the_right_form_is_ours(string code) => Assert.True(ErrorCodes.IsWellFormed(code));

    [Theory]
    [InlineData("")]
    [InlineData("AB")]
    [InlineData("A2345678901234567890123456789012345678901234567890123456789012345")]
    [InlineData("1BC")]
    [InlineData("_BC")]
    [InlineData("Abc")]
    [InlineData("abc")]
    [InlineData("A-BC")]
    [InlineData("A BC")]
    [InlineData("ABC\n")]
    [InlineData("ÄBC")]
    [InlineData("AＢC")]
    public void Any_other_is_not(string code) => Assert.False(ErrorCodes.IsWellFormed(code));

    [Fact]
    public void Every_code_that_we_send_is_of_the_right_form_and_means_one_thing()
    {
        var constants = typeof(ErrorCodes).GetFields().Where(field => field.IsLiteral);
        string[] codes = [.. constants.Select(field => (string)field.GetRawConstantValue()!)];

        Assert.NotEmpty(codes);
        Assert.All(codes, code => Assert.True(ErrorCodes.IsWellFormed(code), code));
        Assert.Distinct(codes);
    }

    [Fact]
    public void A_device_id_is_1_to_64_of_its_characters_and_of_no_other()
    {
        const string Allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

        for (var character = 0; character <= char.MaxValue; character++)
        {
            var expected = Allowed.Contains((char)character, StringComparison.Ordinal);
            Assert.Equal(expected, DeviceIds.IsWellFormed($"a{(char)character}b"));
        }

        Assert.False(DeviceIds.IsWellFormed(""));
        Assert.True(DeviceIds.IsWellFormed("."));
        Assert.True(DeviceIds.IsWellFormed(new string('x', 64)));
        Assert.False(DeviceIds.IsWellFormed(new string('x', 65)));
    }

    [Theory]
    [InlineData(0, 0, 0, 0, true)]
    [InlineData(3, 2, 1, 6, true)]
    [InlineData(6, 0, 0, 6, true)]
    [InlineData(int.MaxValue, 0, 0, int.MaxValue, true)]
    [InlineData(5, 0, 0, 6, false)]
    [InlineData(7, 0, 0, 6, false)]
    [InlineData(7, -1, 0, 6, false)]
    [InlineData(-1, 7, 0, 6, false)]
    [InlineData(0, 7, -1, 6, false)]
    [InlineData(0, 0, 0, 1, false)]
    [InlineData(0, 0, -1, -1, false)]
    [InlineData(int.MaxValue, int.MaxValue, 2, 0, false)]
    [InlineData(int.MaxValue, int.MaxValue, 8, 6, false)]
    [InlineData(int.MaxValue, 1, 0, int.MinValue, false)]
    public void An_answer_covers_a_batch_when_its_counts_add_up_without_overflow(
        int inserted, int duplicates, int conflicts, int samples, bool covers) =>
        Assert.Equal(covers, new IngestAnswer(inserted, duplicates, conflicts).Covers(samples));
}
