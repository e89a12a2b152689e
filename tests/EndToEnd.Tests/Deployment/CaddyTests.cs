using System.Net;
using System.Text;
using System.Text.Json;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Deployment;

/// <summary>The repository's Caddyfile in a real Caddy, between a real edge and two API replicas.</summary>
public class CaddyTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_Caddyfile_is_valid_also_where_nothing_is_set()
    {
        if (!File.Exists("/usr/bin/caddy"))
        {
            Missing.Server("caddy is not installed (Debian: apt-get install caddy)");
        }

        await using var caddy = ProgramProcess.Start(
            "caddy", ["validate", "--config", Path.Combine(Programs.Root, "Caddyfile"), "--adapter", "caddyfile"]);
        Assert.True(await caddy.ExitCodeAsync(cancellationToken: Cancelled) == 0, caddy.Output);
    }

    [Fact]
    public async Task An_edge_keeps_its_samples_from_a_proxy_it_cannot_trust_and_delivers_them_in_halves_to_one_it_can()
    {
        // Of the largest body that fits, a few samples.
        await using var site = await Site.OpenAsync(new() { ["MAX_PAYLOAD_BYTES"] = "1024" }, Cancelled);

        var wary = site.StartEdge(caFile: null, "run");
        await wary.LineAsync("shows no certificate that can be trusted", cancellationToken: Cancelled);
        await Until.TrueAsync(async () => (await site.StatusAsync(Cancelled)).Waiting >= 12, cancellationToken: Cancelled);
        wary.Kill();
        await wary.ExitCodeAsync(cancellationToken: Cancelled);
        Assert.Equal(0, await site.CountAsync("SELECT count(*) FROM sungrow_samples", Cancelled));
        var kept = await site.StatusAsync(Cancelled);
        Assert.Equal((kept.Committed, 0), (kept.Waiting, kept.Acknowledged));

        var trusting = site.StartEdge(site.CaFile, "run", "--seconds", "3");
        Assert.True(await trusting.ExitCodeAsync(cancellationToken: Cancelled) == 0, trusting.Output);

        var after = await site.StatusAsync(Cancelled);
        Assert.True(after.Committed >= kept.Committed, trusting.Output); // A slow machine polls nothing in that time.
        Assert.Equal((0, after.Committed), (after.Waiting, await site.CountAsync("SELECT count(*) FROM sungrow_samples", Cancelled)));
        // In batches that had to be made smaller first: twelve samples are beyond what the server takes.
        Assert.InRange(await site.CountAsync("SELECT max(inserted) FROM ingest_events WHERE NOT summed", Cancelled), 2, 11);
    }

    [Fact]
    public async Task One_replica_dies_and_the_other_takes_what_the_edge_sends()
    {
        await using var site = await Site.OpenAsync([], Cancelled);
        var edge = site.StartEdge(site.CaFile, "run");
        await Until.TrueAsync(async () => await StoredAsync() >= 2, cancellationToken: Cancelled);

        site.Replicas[0].Kill();
        await site.Replicas[0].ExitCodeAsync(cancellationToken: Cancelled);
        var before = await StoredAsync();

        await Until.TrueAsync(async () => await StoredAsync() >= before + 4, cancellationToken: Cancelled);
        edge.Kill();
        await edge.ExitCodeAsync(cancellationToken: Cancelled);

        // What was stored and not yet answered goes once more, and nothing stands twice.
        var last = site.StartEdge(site.CaFile, "run", "--seconds", "3");
        Assert.True(await last.ExitCodeAsync(cancellationToken: Cancelled) == 0, last.Output);
        var status = await site.StatusAsync(Cancelled);
        Assert.Equal((0, status.Committed), (status.Waiting, await StoredAsync()));

        Task<long> StoredAsync() => site.CountAsync("SELECT count(*) FROM sungrow_samples", Cancelled);
    }

    [Fact]
    public async Task Answers_carry_security_headers_and_a_body_too_large_is_refused_by_the_API_in_words_an_edge_understands()
    {
        await using var site = await Site.OpenAsync([], Cancelled);
        using var client = site.Client();

        using var answer = await client.GetAsync("/healthz", Cancelled);
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal("DENY", Assert.Single(answer.Headers.GetValues("X-Frame-Options")));
        Assert.StartsWith("max-age=", Assert.Single(answer.Headers.GetValues("Strict-Transport-Security")), StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", Assert.Single(answer.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        Assert.False(answer.Headers.Contains("Server"));

        // Above the API's 4 MiB, below Caddy's 6 MB.
        using HttpRequestMessage large = new(HttpMethod.Post, "/v1/ingest")
        {
            Content = new StringContent(new string(' ', 5_000_000), Encoding.UTF8, "application/json"),
        };
        large.Headers.Authorization = new("Bearer", Site.DeviceToken);
        using var refused = await client.SendAsync(large, Cancelled);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, refused.StatusCode);
        using var problem = JsonDocument.Parse(await refused.Content.ReadAsStringAsync(Cancelled));
        Assert.Equal("PAYLOAD_TOO_LARGE", problem.RootElement.GetProperty("code").GetString());
    }

    [Fact]
    public async Task Each_event_comes_before_the_next_sample_is_sent()
    {
        await using var site = await Site.OpenAsync([], Cancelled);
        using var client = site.Client();
        var first = TimeProvider.System.GetUtcNow().AddMinutes(-1);
        await SendAsync(0);
        using HttpRequestMessage listen = new(HttpMethod.Get, $"/v1/realtime/stream?device_id={site.Serial}");
        listen.Headers.Authorization = new("Bearer", Site.ViewerToken);
        listen.Headers.AcceptEncoding.ParseAdd("gzip, zstd"); // As a browser would; what is packed waits for more.

        using var stream = await client.SendAsync(listen, HttpCompletionOption.ResponseHeadersRead, Cancelled);
        Assert.Equal("text/event-stream", stream.Content.Headers.ContentType?.MediaType);
        Assert.Empty(stream.Content.Headers.ContentEncoding);
        using var lines = new StreamReader(await stream.Content.ReadAsStreamAsync(Cancelled));

        Assert.Equal(0, await NextAsync());
        for (var sent = 1; sent <= 3; sent++)
        {
            await SendAsync(sent);
            Assert.Equal(sent, await NextAsync());
        }

        async Task SendAsync(int number)
        {
            using HttpRequestMessage sample = new(HttpMethod.Post, "/v1/ingest")
            {
                Content = new StringContent(
                    $$"""{"samples":[{"device_id":"{{site.Serial}}","ts":"{{first.AddSeconds(number):O}}","pv_power_w":{{number}}}]}""",
                    Encoding.UTF8, "application/json"),
            };
            sample.Headers.Authorization = new("Bearer", Site.DeviceToken);
            using var answer = await client.SendAsync(sample, Cancelled);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Cancelled));
        }

        async Task<double> NextAsync()
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
            patience.CancelAfter(TimeSpan.FromMinutes(1));
            while (await lines.ReadLineAsync(patience.Token) is { } line)
            {
                if (line.StartsWith("data:", StringComparison.Ordinal))
                {
                    using var data = JsonDocument.Parse(line["data:".Length..]);
                    return data.RootElement.GetProperty("pv_power_w").GetDouble();
                }
            }

            throw new EndOfStreamException("The stream has ended.");
        }
    }
}
