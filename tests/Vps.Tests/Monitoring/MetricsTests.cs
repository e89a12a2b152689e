using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Sungrow.Vps.Monitoring;
using Xunit;

namespace Sungrow.Vps.Tests.Monitoring;

public partial class MetricsTests(Databases databases)
{
    [Fact]
    public async Task What_happens_shows_at_the_private_address_and_not_at_the_public_one()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(), "--Metrics:Url=http://127.0.0.1:0");
        using HttpClient http = new() { BaseAddress = new(server.Services.GetRequiredService<MetricsServer>().Address!) };
        var before = Inserted(await http.GetStringAsync("/metrics"));

        await server.IngestAsync(Series.Samples(7));

        var text = await http.GetStringAsync("/metrics");
        Assert.True(Inserted(text) >= before + 7, text); // Other servers of this process may count too.
        Assert.Contains("# TYPE sungrow_vps_samples_total counter\n", text, StringComparison.Ordinal);
        Assert.Contains("# TYPE sungrow_vps_auth_cache_size gauge\n", text, StringComparison.Ordinal);
        Assert.Matches("http_server_request_duration_seconds_bucket\\{[^}]*http_route=\"/v1/ingest\"[^}]*,le=\"\\+Inf\"\\} [1-9]", text);
        Assert.All(
            text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.StartsWith('#')),
            line => Assert.Matches(Sample(), line));
        Assert.NotEqual(System.Net.HttpStatusCode.OK, (await server.GetAsync("/metrics")).Status);
        Assert.Equal(System.Net.HttpStatusCode.NotFound, (await http.GetAsync("/v1/whoami")).StatusCode);
    }

    [Fact]
    public async Task An_address_that_is_none_stops_the_start_with_the_setting_s_name()
    {
        await using var vps = TestServers.ProgramProcess.StartOurs(
            "sungrow-vps", ["--urls=http://127.0.0.1:0", "--Metrics:Url=127.0.0.1:9464"],
            new Dictionary<string, string?> { ["DATABASE_URL"] = "Host=127.0.0.1;Database=none" });

        Assert.Equal(1, await vps.ExitCodeAsync());
        Assert.Contains("Metrics__Url is '127.0.0.1:9464'; allowed is http://address:port", vps.Output, StringComparison.Ordinal);
    }

    private static double Inserted(string text) =>
        Count().Match(text) is { Success: true } match ? double.Parse(match.Groups["count"].Value) : 0;

    [GeneratedRegex("sungrow_vps_samples_total\\{result=\"inserted\"\\} (?<count>\\d+)", RegexOptions.None, 1000)]
    private static partial Regex Count();

    [GeneratedRegex("^[a-z_][a-z0-9_]*(\\{([a-z_0-9]+=\"([^\"\\\\]|\\\\.)*\",?)+\\})? (-?[0-9][0-9.eE+-]*|NaN|[+-]?∞)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Sample();
}
