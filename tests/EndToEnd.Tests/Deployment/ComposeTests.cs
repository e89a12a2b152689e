using System.Text.RegularExpressions;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Deployment;

/// <summary>The compose file as docker-compose itself reads it; no engine is needed for that.</summary>
public partial class ComposeTests
{
    private static readonly string[] Services = ["api", "caddy", "postgres", "redis"];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_service_is_bounded_healthy_by_its_own_command_and_may_do_nothing_it_need_not()
    {
        var services = await ServicesAsync();

        Assert.Equal(Services, services.Keys.Order());
        Assert.All(services, service => Assert.All(
            new[]
            {
                "    healthcheck:", "    read_only: true", "    cap_drop:\n    - ALL", "    - no-new-privileges:true",
                "    mem_limit:", "    cpus:", "    pids_limit:", "        max-size:", "    restart: unless-stopped", "    tmpfs:",
            },
            line => Assert.True(service.Value.Contains(line, StringComparison.Ordinal), $"{service.Key} lacks {line}:\n{service.Value}")));
        Assert.Matches(@"test:\s+- CMD\s+- sungrow-vps\s+- health", services["api"]);
        Assert.Contains("- pg_isready", services["postgres"], StringComparison.Ordinal);
        Assert.Matches(@"- redis-cli\s+- ping", services["redis"]);
    }

    [Fact]
    public async Task The_images_are_pinned_and_only_the_proxy_is_open_to_the_world()
    {
        var services = await ServicesAsync();

        Assert.Matches(@"image: timescale/timescaledb:\d+\.\d+\.\d+-pg(1[6-9]|[2-9]\d)\n", services["postgres"]);
        Assert.Contains("image: redis:7-alpine\n", services["redis"], StringComparison.Ordinal);
        Assert.Contains("image: caddy:2\n", services["caddy"], StringComparison.Ordinal);
        Assert.Matches(@"POSTGRES_DB: sungrow\n", services["postgres"]);
        Assert.Matches(@"ports:\s+- 127\.0\.0\.1:5432:5432/tcp\n", services["postgres"]);
        Assert.DoesNotContain("    ports:", services["redis"], StringComparison.Ordinal);
        Assert.All(Published().Matches(services["api"]), port => Assert.StartsWith("127.0.0.1:", port.Groups["port"].Value, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_database_password_nothing_is_composed_and_the_line_says_what_to_do()
    {
        var nothing = Path.GetTempFileName();
        try
        {
            await using var compose = Compose(["config", "--quiet"], nothing);

            Assert.NotEqual(0, await compose.ExitCodeAsync(cancellationToken: Cancelled));
            Assert.Contains("set POSTGRES_PASSWORD in .env", compose.Output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(nothing);
        }
    }

    private static async Task<Dictionary<string, string>> ServicesAsync()
    {
        await using var compose = Compose(["config"], Path.Combine(Programs.Root, ".env.example"));
        Assert.True(await compose.ExitCodeAsync(cancellationToken: Cancelled) == 0, compose.Output);
        var services = compose.Output.Split("\nservices:\n", 2)[1];
        services = TopLevel().Split(services)[0];
        return Service().Split(services).Where(part => part.Length > 0)
            .ToDictionary(part => part[..part.IndexOf(':', StringComparison.Ordinal)].Trim(), part => part + "\n");
    }

    private static ProgramProcess Compose(string[] arguments, string envFile)
    {
        if (!File.Exists("/usr/bin/docker-compose"))
        {
            Missing.Server("docker-compose is not installed (Debian: apt-get install docker-compose)");
        }

        return ProgramProcess.Start(
            "/usr/bin/docker-compose",
            ["--env-file", envFile, "-f", Path.Combine(Programs.Root, "docker-compose.vps.yml"), .. arguments],
            new Dictionary<string, string?> { ["POSTGRES_PASSWORD"] = null });
    }

    [GeneratedRegex(@"^(?=\S)", RegexOptions.Multiline, 1000)]
    private static partial Regex TopLevel();

    [GeneratedRegex(@"^  (?=[a-z]+:)", RegexOptions.Multiline, 1000)]
    private static partial Regex Service();

    [GeneratedRegex(@"- (?<port>\S+:\d+/tcp)", RegexOptions.None, 1000)]
    private static partial Regex Published();
}
