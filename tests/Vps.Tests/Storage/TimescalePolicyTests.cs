using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Storage;

public class TimescalePolicyTests
{
    [Theory]
    [InlineData("2.22.1", null)]
    [InlineData("2.18.1", null)]
    [InlineData("2.23.0-dev", null)]
    [InlineData("3.0", null)]
    [InlineData("2.17.2", "2.22.1")] // What counts is what this database has.
    [InlineData("2.22.1", "2.18.0", false)]
    [InlineData("2.17.2", null, false)]
    [InlineData("2.9", null, false)]
    [InlineData("nonsense", null, false)]
    public void It_is_used_from_the_version_on_that_loses_no_row(string available, string? installed, bool used = true)
    {
        TimescaleServer server = new(available, installed, Preloaded: true);
        foreach (var mode in Enum.GetValues<TimescaleMode>())
        {
            var decision = TimescalePolicy.Decide(mode, server);
            Assert.Equal(used, decision.Use);
            Assert.Equal(!used, decision.Refusal?.Contains("2.18.1 or newer", StringComparison.Ordinal) == true);
        }
    }

    public static TheoryData<string?, bool> WithoutIt =>
        new() { { null, false }, { null, true }, { "2.22.1", false }, { "2.17.2", false } };

    [Theory]
    [MemberData(nameof(WithoutIt))]
    public void Without_it_Auto_goes_on_and_Required_stops(string? available, bool preloaded)
    {
        TimescaleServer server = new(available, Installed: null, preloaded);

        var auto = TimescalePolicy.Decide(TimescaleMode.Auto, server);
        Assert.False(auto.Use);
        Assert.Null(auto.Refusal);
        Assert.NotNull(auto.Missing);

        var required = TimescalePolicy.Decide(TimescaleMode.Required, server);
        Assert.StartsWith("Storage__Timescale is 'Required'; allowed is ", required.Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void A_database_that_holds_it_cannot_do_without()
    {
        foreach (var mode in Enum.GetValues<TimescaleMode>())
        {
            Assert.Contains(
                "shared_preload_libraries",
                TimescalePolicy.Decide(mode, new("2.22.1", "2.22.1", Preloaded: false)).Refusal,
                StringComparison.Ordinal);
        }
    }
}
