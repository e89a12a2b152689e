using System.CommandLine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sungrow.Protocol;
using Sungrow.Vps;
using Sungrow.Vps.Storage;

namespace Sungrow.Benchmarks;

/// <summary>What the server is compared with, as processes of their own: <c>parse</c> reads the body and answers, <c>store</c> also writes
/// it as the server does, but knows nobody, limits nobody, audits nothing and tells no cache; <c>constant</c> answers
/// <c>/v1/realtime</c> with the same bytes each time.</summary>
internal static class Serve
{
    // As long as a realtime answer.
    private static readonly byte[] Constant =
        """
        {"device_id":"bench-1","ts":"2026-06-21T12:00:00Z","pv_power_w":4200.5,"pv_daily_kwh":12.3,"battery_power_w":-1500,"battery_soc_pct":55.5,"battery_temp_c":null,"load_power_w":800,"export_power_w":0,"sample_count":1,"age_s":4.2,"stale":false}
        """u8.ToArray();

    public static Command Command()
    {
        Argument<string> what = new("what") { Description = "parse, store or constant" };
        what.AcceptOnlyFromAmong("parse", "store", "constant");
        Command command = new("serve", "For the benchmarks themselves.") { what };
        command.Hidden = true;
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetRequiredValue(what), cancellationToken));
        return command;
    }

    private static async Task RunAsync(string what, CancellationToken cancellationToken)
    {
        // Not the working folder, where it would watch the settings of all who work there.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = ProtocolLimits.MaxPayloadBytes);
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Information);
        if (what == "store")
        {
            builder.Configuration.AddInMemoryCollection(
                [KeyValuePair.Create("Storage:DatabaseUrl", builder.Configuration["DATABASE_URL"])]);
            AddStorage(builder.Services, audit: false);
        }

        await using var app = builder.Build();
        app.MapGet("/v1/realtime", () => TypedResults.Bytes(Constant, "application/json"));
        app.MapPost("/v1/ingest", async context =>
        {
            using var body = await RequestBody.ReadJsonAsync(context.Request, ProtocolLimits.MaxPayloadBytes, context.RequestAborted);
            var batch = IngestBatchReader.Read(body.Utf8, SampleWindow.At(TimeProvider.System.GetUtcNow(), null));
            var answer = what == "parse"
                ? new IngestAnswer(batch.Samples.Count, 0, 0)
                : await context.RequestServices.GetRequiredService<TimescaleBatchWriter>().WriteAsync(
                    new SampleBatch(batch.Samples[0].DeviceId, batch.BufferId, batch.Samples, PollIntervalS: 10), context.RequestAborted);
            await TypedResults.Json(answer, ProtocolJson.Default.IngestAnswer).ExecuteAsync(context);
        });
        await app.StartAsync(cancellationToken);
        await app.WaitForShutdownAsync(cancellationToken);
    }

    public static void AddStorage(IServiceCollection services, bool audit)
    {
        services.AddSingleton(TimeProvider.System);
        services.AddStorage();
        services.AddSingleton(provider => new FlushTransaction(
            provider.GetRequiredService<Database>(), audit ? provider.GetRequiredService<IngestEvents>() : null,
            provider.GetRequiredService<IOptions<StorageOptions>>(), TimeProvider.System,
            provider.GetRequiredService<ILogger<FlushTransaction>>()));
    }
}
