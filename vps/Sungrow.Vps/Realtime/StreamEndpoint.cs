using Microsoft.AspNetCore.Mvc;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Realtime;

/// <summary><c>GET /v1/realtime/stream</c>: server-sent events. The newest sample at once, then each that comes; after a pause the newest
/// again, and not what was missed.</summary>
internal static class StreamEndpoint
{
    // Then the browser comes again by itself, and is asked anew who it is: a token that was revoked hears no more.
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(15);
    private static readonly byte[] Greeting = "retry: 1000\n\n"u8.ToArray();

    public static void MapStream(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/realtime/stream", GetAsync)
            .RequireViewer()
            .WithTags("Realtime")
            .WithSummary("Each new sample of a device as a server-sent event")
            .Produces<RealtimeAnswer>(StatusCodes.Status200OK, "text/event-stream")
            .ProducesProblems(400, 503);

    private static async Task<IResult> GetAsync(
        HttpContext context, RealtimeFeeds feeds, RealtimeCache cache, NewestSamples samples, TimeProvider time,
        IHostApplicationLifetime host, [FromQuery(Name = "device_id")] string? named = null)
    {
        if (VisibleDevice.Find(context, named, out var refusal) is not { } deviceId)
        {
            return refusal!;
        }

        // Joined first, so that no sample falls between the look and the feed.
        if (feeds.Join(deviceId) is not { } events)
        {
            return Problems.Of(
                StatusCodes.Status503ServiceUnavailable, ErrorCodes.TooManyListeners,
                $"This server has {RealtimeFeeds.MostListeners} listeners, which is all it takes; /v1/realtime answers.");
        }

        using var life = new CancellationTokenSource(Life, time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(life.Token, context.RequestAborted, host.ApplicationStopping);
        try
        {
            var sent = await cache.ReadAsync(deviceId, samples.FindAsync, end.Token);
            var response = context.Response;
            response.ContentType = "text/event-stream";
            response.Headers.CacheControl = "no-store";
            response.Headers["X-Accel-Buffering"] = "no"; // A proxy that gathers would hold each sample back.
            await response.Body.WriteAsync(Greeting, end.Token);
            if (sent is not null)
            {
                await response.Body.WriteAsync(StreamEvent.Of(sent, time.GetUtcNow()).Bytes, end.Token);
            }

            await response.Body.FlushAsync(end.Token);
            await foreach (var next in events.Reader.ReadAllAsync(end.Token))
            {
                if (next.Sample is null || next.Sample != sent)
                {
                    sent = next.Sample ?? sent;
                    await response.Body.WriteAsync(next.Bytes, end.Token);
                    await response.Body.FlushAsync(end.Token);
                }
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The listener has gone, or its time is over, or ours.
        }
        catch (IOException) when (context.Response.HasStarted)
        {
            // The listener has gone in the middle of a write.
        }
        finally
        {
            feeds.Leave(deviceId, events);
        }

        return TypedResults.Empty;
    }
}
