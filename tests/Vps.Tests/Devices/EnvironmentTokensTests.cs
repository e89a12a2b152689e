using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

public class EnvironmentTokensTests
{
    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    public void Nothing_is_no_token(string text) => Assert.Empty(EnvironmentTokens.Parse(text, oneDevicePerToken: true).Devices);

    [Fact]
    public void A_token_may_hold_colons_and_spaces_around_an_entry_do_not_count()
    {
        var tokens = EnvironmentTokens.Parse(" a:b:c:inverter-1 , second : inverter-2,third:inverter-1", oneDevicePerToken: true);

        Assert.Equal(["inverter-1"], Find(tokens, "a:b:c"));
        Assert.Equal(["inverter-2"], Find(tokens, "second"));
        Assert.Equal(["inverter-1"], Find(tokens, "third"));
        Assert.Null(Find(tokens, "a:b"));
        Assert.Null(Find(tokens, "a:b:c:inverter-1"));
        Assert.Null(Find(tokens, ""));
        Assert.Equal(["inverter-1", "inverter-2"], tokens.Devices.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_viewer_token_may_stand_several_times_to_see_several_devices()
    {
        var tokens = EnvironmentTokens.Parse("v:inverter-1,w:inverter-1,v:inverter-2", oneDevicePerToken: false);

        Assert.Equal(["inverter-1", "inverter-2"], Find(tokens, "v")!.Order(StringComparer.Ordinal));
        Assert.Equal(["inverter-1"], Find(tokens, "w"));
    }

    [Theory]
    [InlineData("secret", true, "entry 1 has no colon")]
    [InlineData("a:b,", true, "entry 2 is empty")]
    [InlineData(",", true, "entry 1 is empty")]
    [InlineData("a:b,secret", true, "entry 2 has no colon")]
    [InlineData(":inverter-1", true, "entry 1 has no token")]
    [InlineData("a:b,  :inverter-1", true, "entry 2 has no token")]
    [InlineData("secret:", true, "entry 1 has a malformed device id")]
    [InlineData("secret:inverter 1", true, "entry 1 has a malformed device id")]
    [InlineData("secret:inverter/1", false, "entry 1 has a malformed device id")]
    [InlineData("secret:a,b:c,secret:d", true, "entry 3 repeats the token of an earlier entry")]
    [InlineData("secret:a,secret:a", true, "entry 2 repeats the token of an earlier entry")]
    [InlineData("secret:a,b:c,secret:a", false, "entry 3 repeats an earlier entry")]
    public void A_malformed_entry_is_named_by_its_position_and_never_by_its_token(string text, bool oneDevicePerToken, string expected)
    {
        Assert.False(EnvironmentTokens.TryParse(text, oneDevicePerToken, out _, out var what));
        Assert.Equal(expected, what);
    }

    private static IReadOnlySet<string>? Find(EnvironmentTokens tokens, string token) => tokens.Find(Tokens.Digest(token));
}
