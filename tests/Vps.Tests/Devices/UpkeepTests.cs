using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

/// <summary>What the process tells of its cache and its refusals.</summary>
public class UpkeepTests(Databases databases)
{
    [Fact]
    public async Task The_auth_caches_figures_are_logged()
    {
        await using var vps = ProgramProcess.StartOurs(
            "sungrow-vps", ["--urls=http://127.0.0.1:0", "--Devices:StatsInterval=00:00:01"],
            new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["DATABASE_URL"] = await databases.CreateAsync(),
                ["DEVICE_TOKENS"] = "device-1:inverter-1",
            });
        var listening = await vps.LineAsync("Now listening on: ");
        using HttpClient client = new() { BaseAddress = new(listening[listening.IndexOf("http://", StringComparison.Ordinal)..]) };
        client.DefaultRequestHeaders.Authorization = new("Bearer", "device-1");
        await Until.TrueAsync(async () => (await client.GetAsync(new Uri("/v1/whoami", UriKind.Relative))).IsSuccessStatusCode);

        await client.GetAsync(new Uri("/v1/whoami", UriKind.Relative));

        await vps.LineAsync("auth_cache_size=1");
        Assert.Contains("auth_cache_hits=", vps.Output, StringComparison.Ordinal);
        Assert.Contains("auth_cache_misses=", vps.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_meter_counts_hits_misses_devices_failures_and_refusals()
    {
        await using var server = await VpsServer.StartAsync(
            await databases.CreateAsync(), "--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=1", "--RATE_LIMIT_REQUESTS_PER_SECOND=0.001",
            "--RATE_LIMIT_BURST_REQUESTS=1");
        ConcurrentDictionary<string, long> counted = new(StringComparer.Ordinal);
        using MeterListener listener = new();
        var factory = server.Services.GetRequiredService<IMeterFactory>();
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (instrument.Meter.Name == VpsMetrics.MeterName && instrument.Meter.Scope == factory)
            {
                listening.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var name = tags.Length == 0 ? instrument.Name : $"{instrument.Name} {tags[0].Value}";
            counted.AddOrUpdate(name, value, (_, sum) => instrument.IsObservable ? value : sum + value);
        });
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => counted[instrument.Name] = value);
        listener.Start();

        await server.GetAsync("/v1/whoami", "device-1");
        await server.GetAsync("/v1/whoami", "device-1");
        await server.IngestAsync(Series.Sample(1));
        await server.IngestAsync(Series.Sample(2));
        await server.GetAsync("/v1/whoami", Tokens.Issue());
        await server.GetAsync("/v1/whoami", Tokens.Issue());
        listener.RecordObservableInstruments();

        Assert.Equal(
            new Dictionary<string, long>(StringComparer.Ordinal)
            {
                ["auth_cache_hits"] = 3,
                ["auth_cache_misses"] = 3,
                ["auth_cache_size"] = 1,
                ["samples inserted"] = 1,
                ["samples duplicate"] = 0,
                ["samples conflict"] = 0,
                ["authentication_failed"] = 1,
                ["rate_limited requests"] = 1,
                ["rate_limited failed_authentication"] = 1,
            }.OrderBy(pair => pair.Key),
            counted.OrderBy(pair => pair.Key));
    }
}
