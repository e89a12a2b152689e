using Microsoft.Extensions.Options;
using Sungrow.Edge.Uplink;
using Sungrow.Protocol;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

/// <summary>What a test sends, and the client that sends it.</summary>
internal static class Batches
{
    public const string Token = "sg_a-token-of-the-tests";

    private static readonly Guid Buffer = new("6f1c2f0a-4b7e-4d55-9a60-0c6d2a5f3b11");

    public static IngestBatch Of(int samples) => new(Buffer, [.. Enumerable.Range(1, samples).Select(n => new SungrowSample
    {
        DeviceId = "A2340512345",
        Ts = new DateTimeOffset(2026, 9, 8, 6, 0, 0, TimeSpan.Zero).AddSeconds(10 * n),
        PvPowerW = 0.7 * n,
        BatteryPowerW = n % 2 == 0 ? -n : null,
        LoadPowerW = 0.1 + 0.2,
        IntervalS = 10,
        Seq = n,
    })]);

    public static Task<Answer<IngestAnswer>> IngestAsync(this IngestApi api, IngestBatch batch, CancellationToken cancellationToken) =>
        api.IngestAsync(WireBody.Of(batch, ProtocolJson.Default.IngestBatch), cancellationToken);

    public static IngestApi Api(Uri url, TimeProvider? time = null, Action<UplinkOptions>? more = null)
    {
        var options = new UplinkOptions { Url = url.ToString(), Token = Token };
        more?.Invoke(options);
        Assert.Empty(options.Errors());
        return new IngestApi(Options.Create(options), time ?? TimeProvider.System);
    }
}
