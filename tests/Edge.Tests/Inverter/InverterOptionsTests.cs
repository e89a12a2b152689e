using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class InverterOptionsTests
{
    private static string[] Wrong(Action<InverterOptions> change)
    {
        var options = new InverterOptions { Host = "192.168.1.20" };
        change(options);
        return [.. new InverterOptionsValidator().Validate(null, options).Failures ?? []];
    }

    [Theory]
    [InlineData("192.168.1.20")]
    [InlineData("inverter")]
    [InlineData("sh10rt.fritz.box")]
    [InlineData("fe80::1")]
    public void A_name_or_an_address_is_a_host(string host) => Assert.Empty(Wrong(options => options.Host = host));

    [Theory]
    [InlineData(" ")]
    [InlineData("http://192.168.1.20")]
    [InlineData("192.168.1.20:502")]
    [InlineData("my inverter")]
    public void Anything_else_is_named_with_its_value_and_what_is_allowed(string host)
    {
        var line = Assert.Single(Wrong(options => options.Host = host));

        Assert.StartsWith($"Inverter__Host is '{host}'", line);
        Assert.Contains("for example 192.168.1.20", line);
    }

    [Fact]
    public void A_host_that_is_not_set_is_said_so() =>
        Assert.StartsWith("Inverter__Host is not set: allowed is ", Assert.Single(Wrong(options => options.Host = "")));

    [Theory]
    [InlineData(0)]
    [InlineData(65536)]
    public void A_port_has_a_range(int port) =>
        Assert.Equal($"Inverter__Port is '{port}': allowed is 1 .. 65535.", Assert.Single(Wrong(options => options.Port = port)));

    [Theory]
    [InlineData(0)]
    [InlineData(248)]
    public void A_unit_has_a_range(int unit) => Assert.Contains("1 .. 247", Assert.Single(Wrong(options => options.UnitId = unit)));

    [Fact]
    public void Every_wrong_setting_is_named_at_once()
    {
        var lines = Wrong(options =>
        {
            options.Host = "";
            options.RequestTimeout = TimeSpan.Zero;
            options.RequestGap = TimeSpan.FromSeconds(-1);
            options.TimeZone = "Europe/Atlantis";
        });

        Assert.Equal(
            ["Inverter__Host", "Inverter__RequestTimeout", "Inverter__RequestGap", "Inverter__TimeZone"],
            lines.Select(line => line.Split(' ')[0]));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Europe/Berlin")]
    [InlineData("UTC")]
    public void A_zone_is_the_systems_own_or_one_it_knows(string? zone) => Assert.Empty(Wrong(options => options.TimeZone = zone));

    [Fact]
    public void Settings_come_from_the_section_and_wrong_ones_are_refused()
    {
        Assert.Equal(TimeSpan.FromSeconds(2), Bind(("Host", "sh10rt"), ("RequestTimeout", "00:00:02"), ("UnitId", "2")).RequestTimeout);
        var refused = Assert.Throws<OptionsValidationException>(() => Bind(("Host", "sh10rt"), ("Port", "70000")));
        Assert.Equal("Inverter__Port is '70000': allowed is 1 .. 65535.", refused.Message);

        static InverterOptions Bind(params (string Name, string Value)[] settings)
        {
            var configuration = new ConfigurationBuilder()
                .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create($"Inverter:{setting.Name}", (string?)setting.Value)))
                .Build();
            using var services = new ServiceCollection().AddSettings(configuration).BuildServiceProvider();
            return services.GetRequiredService<IOptions<InverterOptions>>().Value;
        }
    }

    [Fact]
    public void Every_reason_has_one_line_that_names_the_address()
    {
        var options = new InverterOptions { Host = "fe80::1", Port = 1502, UnitId = 2 };

        foreach (var reason in Enum.GetValues<UnreachableReason>())
        {
            var sentence = UnreachableSentences.For(reason, "seen", options);
            Assert.Contains(reason == UnreachableReason.NameNotFound ? "'fe80::1'" : "[fe80::1]:1502", sentence);
            Assert.EndsWith(".", sentence);
            Assert.DoesNotContain('\n', sentence);
        }
    }
}
