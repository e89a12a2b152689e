using System.ComponentModel;
using System.Reflection;
using System.Text.RegularExpressions;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Deployment;

/// <summary>The settings of the program, of docker-compose.vps.yml and of .env.example are the same ones, with the same defaults.</summary>
public partial class SettingsFilesTests
{
    private static readonly string Compose = File.ReadAllText(Path.Combine(Programs.Root, "docker-compose.vps.yml"));

    private static readonly string[] Example = File.ReadAllLines(Path.Combine(Programs.Root, ".env.example"));

    // Where the compose file knows better than the program: it is what runs the others.
    private static readonly HashSet<string> ComposeKnows = ["REDIS_URL", "TRUSTED_PROXIES", "Storage__Timescale", "Metrics__Url"];

    [Fact]
    public void Every_setting_stands_in_the_compose_file_and_in_the_example_with_the_program_s_default()
    {
        var settings = OfTheProgram().ToList();
        Assert.Contains(settings, setting => setting.Name == "AUTH_CACHE_TTL_SECONDS");
        Assert.All(settings, setting =>
        {
            if (setting.Name == Settings.NameOf(StorageOptions.Section, nameof(StorageOptions.DatabaseUrl)))
            {
                // Made of the password, which is asked for.
                Assert.Contains("      DATABASE_URL: \"Host=postgres;Database=sungrow;", Compose, StringComparison.Ordinal);
                return;
            }

            Assert.True(ComposeDefaults().TryGetValue(setting.Name, out var composed), $"{setting.Name} is not in docker-compose.vps.yml");
            Assert.True(ComposeKnows.Contains(setting.Name) || Same(setting, composed!), $"{setting.Name}: '{composed}' is not '{setting.Default}'");
        });
    }

    [Fact]
    public void The_example_has_every_variable_of_the_compose_file_with_its_default_and_a_line_on_it()
    {
        var example = Example.Where(line => line.Contains('=') && !line.StartsWith('#'))
            .Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        foreach (var (name, value) in ComposeDefaults())
        {
            Assert.True(example.TryGetValue(name, out var written), $"{name} is not in .env.example");
            Assert.Equal((name, value), (name, written));
        }

        Assert.Equal(ComposeDefaults().Keys.Append("POSTGRES_PASSWORD").Order(), example.Keys.Order());
        for (var i = 0; i < Example.Length; i++)
        {
            Assert.True(Example[i].Length == 0 || Example[i].StartsWith('#') || Example[i - 1].StartsWith("# ", StringComparison.Ordinal), $"no line on {Example[i]}");
        }
    }

    [Fact]
    public void The_proxy_that_the_API_trusts_is_the_address_of_the_compose_file_s_caddy()
    {
        Assert.Contains($"ipv4_address: {ComposeDefaults()["TRUSTED_PROXIES"]}\n", Compose, StringComparison.Ordinal);
        Assert.True(Proxies.TryParse(ComposeDefaults()["TRUSTED_PROXIES"], out var trusted));
        Assert.Single(trusted);
    }

    private static IEnumerable<Setting> OfTheProgram() =>
        from type in typeof(Settings).Assembly.GetTypes()
        let section = type.GetField("Section", BindingFlags.Public | BindingFlags.Static)?.GetRawConstantValue() as string
        where section is not null
        let defaults = Activator.CreateInstance(type)
        from property in type.GetProperties()
        where property.CanWrite
        select new Setting(Settings.NameOf(section, property.Name), property.PropertyType, property.GetValue(defaults));

    private static Dictionary<string, string> ComposeDefaults() =>
        Variable().Matches(Compose).DistinctBy(match => match.Groups["name"].Value)
            .ToDictionary(match => match.Groups["name"].Value, match => match.Groups["default"].Value);

    private static bool Same(Setting setting, string text) =>
        (text.Length == 0 && setting.Default is null or "")
        || (text.Length > 0 && Equals(TypeDescriptor.GetConverter(setting.Type).ConvertFromInvariantString(text), setting.Default));

    [GeneratedRegex(@"\$\{(?<name>[A-Za-z_]+):-(?<default>[^}]*)\}", RegexOptions.None, 1000)]
    private static partial Regex Variable();

    private sealed record Setting(string Name, Type Type, object? Default);
}
