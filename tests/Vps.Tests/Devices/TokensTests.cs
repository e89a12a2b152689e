using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

public class TokensTests
{
    // Checksums by zlib.
    private const string OfZeroes = "sg_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_6606fbb7";
    private const string OfNumbers = "sg_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_85874e58";

    [Fact]
    public void A_token_carries_the_checksum_that_every_zlib_computes()
    {
        Assert.Equal(OfZeroes, Tokens.Issue(new byte[32]));
        Assert.Equal(OfNumbers, Tokens.Issue([.. Enumerable.Range(0, 32).Select(number => (byte)number)]));
    }

    [Fact]
    public void Every_token_we_issue_is_new_and_well_formed()
    {
        var tokens = Enumerable.Range(0, 1000).Select(_ => Tokens.Issue()).ToHashSet(StringComparer.Ordinal);

        Assert.Equal(1000, tokens.Count);
        Assert.All(tokens, token => Assert.True(Tokens.IsWellFormed(token)));
    }

    [Fact]
    public void A_token_with_any_character_changed_is_not_well_formed()
    {
        for (var i = 0; i < OfNumbers.Length; i++)
        {
            foreach (var other in "Az09_-.")
            {
                if (OfNumbers[i] != other)
                {
                    Assert.False(Tokens.IsWellFormed($"{OfNumbers[..i]}{other}{OfNumbers[(i + 1)..]}"), $"{other} at {i}");
                }
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("sg_")]
    [InlineData("device-1")]
    [InlineData(OfNumbers + "0")]
    [InlineData(" " + OfNumbers)]
    [InlineData("SG_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_85874e58")]
    public void Anything_else_is_not_well_formed(string token) => Assert.False(Tokens.IsWellFormed(token));
}
