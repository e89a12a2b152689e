using System.Globalization;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Golden;

/// <summary>Records what this release's edge and VPS say to each other, for the releases to come:
/// <c>dotnet run --project tests/EndToEnd.Tests -- record 0.2.0</c>.</summary>
internal sealed class Recording(Home home, string state, string scratch, CancellationToken cancellationToken) : IAsyncDisposable
{
    private const int Backlog = 12;

    private readonly RecordingProxy _proxy = new(home.VpsPort);

    private Dictionary<string, string?> Uplink => new() { ["Uplink__Url"] = $"http://127.0.0.1:{_proxy.Port}" };

    private IEnumerable<Exchange> Exchanges => _proxy.Exchanges.Select(exchange => new Exchange("", state, exchange.Request, exchange.Answer));

    public static async Task RunAsync(string release, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateDirectory(Exchange.Folder(release)).FullName;
        var number = 0;
        foreach (var (state, settings) in Exchange.States)
        {
            var scratch = LastWill.CreateFolder("sungrow-record-");
            await using var home = await Home.OpenAsync(cancellationToken);
            await home.KillVpsAsync();
            await home.StartEdge("run").LineAsync("opened", cancellationToken: cancellationToken);
            await Until.TrueAsync(async () => (await home.StatusAsync(cancellationToken)).Waiting >= Backlog, cancellationToken: cancellationToken);
            await home.KillEdgeAsync();
            await home.StartVpsAsync(cancellationToken, settings);

            await using var recording = new Recording(home, state, scratch, cancellationToken);
            await recording.PlayAsync();
            // One of each kind; outside of the plain state only what that state is for.
            foreach (var exchange in recording.Exchanges.Where(exchange => state == "plain" || exchange.Status != 200).DistinctBy(Kind))
            {
                (exchange with { Name = string.Create(CultureInfo.InvariantCulture, $"{++number:00}-{state}-{Kind(exchange)}") }).Save(folder);
            }

            LastWill.RemoveFolder(scratch);
        }
    }

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();

    private static string Kind(Exchange exchange) => $"{exchange.Path.Split('/')[^1]}-{exchange.Status}{(exchange.IsCompressed ? "-gzip" : "")}";

    private async Task PlayAsync()
    {
        switch (state)
        {
            case "plain":
                await PlayPlainAsync();
                break;

            case Exchange.Down:
                await home.StopDatabaseAsync(cancellationToken);
                await UntilAsync(Uplink, "run", exchange => exchange is { Path: "/v1/ingest", Status: 503 });
                break;

            default:
                await UntilAsync(Uplink, "run", exchange => exchange is { Path: "/v1/ingest", Status: 413 or 429 });
                break;
        }
    }

    private async Task PlayPlainAsync()
    {
        await UntilAsync(Uplink, "probe --uplink", exchange => exchange is { Path: "/v1/whoami", Status: 200 });
        await UntilAsync(Uplink, "run", exchange => exchange is { Path: "/v1/ingest", Status: 200, IsCompressed: false });

        var foreign = new Dictionary<string, string?>(Uplink) { ["Uplink__Token"] = "of-nobody", ["Buffer__Path"] = Path.Combine(scratch, "foreign.db") };
        await UntilAsync(foreign, "probe --uplink", exchange => exchange is { Path: "/v1/whoami", Status: 401 });
        await UntilAsync(foreign, "run", exchange => exchange is { Path: "/v1/heartbeat", Status: 401 });
        await UntilAsync(foreign, "run", exchange => exchange is { Path: "/v1/ingest", Status: 401 });

        var other = new Dictionary<string, string?>(Uplink) { ["Device__Id"] = "another", ["Buffer__Path"] = Path.Combine(scratch, "other.db") };
        await UntilAsync(other, "run", exchange => exchange is { Path: "/v1/ingest", Status: 403 });

        var clock = FakeClock.Create(Path.Combine(scratch, "clock")) ?? throw new InvalidOperationException("libfaketime is not installed.");
        clock.Set(TimeSpan.FromHours(1));
        var ahead = new Dictionary<string, string?>(Uplink.Concat(clock.Environment)) { ["Buffer__Path"] = Path.Combine(scratch, "ahead.db") };
        await UntilAsync(ahead, "run", exchange => exchange is { Path: "/v1/ingest", Status: 422 });
    }

    private async Task UntilAsync(Dictionary<string, string?> settings, string arguments, Func<Exchange, bool> enough)
    {
        home.StartEdge(settings, arguments.Split(' '));
        await Until.TrueAsync(() => Exchanges.Any(enough), cancellationToken: cancellationToken);
        await home.KillEdgeAsync();
    }
}
