using System.Net;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Vps.Tests.Realtime;

/// <summary>A server with Redis; the viewer <c>one</c> sees inverter-1, <c>two</c> inverter-1 and inverter-2.</summary>
internal static class RealtimeRequests
{
    public static Task<VpsServer> StartAsync(string databaseUrl, string redisUrl, params string[] settings) =>
        VpsServer.StartAsync(
            databaseUrl, [$"--REDIS_URL={redisUrl}", "--VIEWER_TOKENS=one:inverter-1,two:inverter-1,two:inverter-2", .. settings]);

    public static Task RedisIsAsync(this VpsServer server, string state) =>
        Until.TrueAsync(async () => (await server.GetAsync("/readyz", null)).Json.GetProperty("redis").GetString() == state);

    public static Task<Answer> RealtimeAsync(this VpsServer server, string? viewer, string query = "") =>
        server.GetAsync("/v1/realtime" + query, viewer);

    /// <summary>Stores a sample and sees to it that it was a 200.</summary>
    public static async Task StoreAsync(this VpsServer server, DateTimeOffset ts, double pvPowerW, int device = 1)
    {
        SungrowSample sample = new() { DeviceId = $"inverter-{device}", Ts = ts, PvPowerW = pvPowerW };
        (await server.IngestAsync(new IngestBatch(null, [sample]), $"device-{device}")).Counts();
    }

    /// <summary>The PV power that realtime shows for inverter-1.</summary>
    public static async Task<double> PvPowerAsync(this VpsServer server)
    {
        var answer = await server.RealtimeAsync("one");
        Assert.True(answer.Status == HttpStatusCode.OK, answer.Body);
        return answer.Json.GetProperty("pv_power_w").GetDouble();
    }
}
