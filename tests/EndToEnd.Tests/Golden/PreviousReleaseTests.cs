using System.Net.Sockets;
using System.Text.Json;
using Sungrow.EndToEnd.Tests.Chaos;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Golden;

/// <summary>Edge and VPS may be one release apart, either one ahead: what the first release's said to each other is kept byte for byte.
/// There is no released program yet that could run here itself.</summary>
public sealed class PreviousReleaseTests
{
    private const string First = "0.1.0";

    private static readonly string[] Exact = ["code", "limit", "inserted", "duplicates", "conflicts", "device_id"];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("plain")]
    [InlineData("small")]
    [InlineData("limited")]
    [InlineData("down")]
    public async Task This_VPS_answers_the_first_release_s_edge_as_its_own_VPS_did(string state)
    {
        var exchanges = Exchange.Of(First).Where(exchange => exchange.State == state).ToList();
        Assert.NotEmpty(exchanges);
        await using var home = await Home.OpenAsync(Cancelled);
        await home.KillVpsAsync();
        await home.StartVpsAsync(Cancelled, new Dictionary<string, string?>(Exchange.States[state].Concat(ClockOf(exchanges[0]).Environment)));
        if (state == Exchange.Down)
        {
            await home.StopDatabaseAsync(Cancelled);
        }

        foreach (var exchange in exchanges)
        {
            var answer = await RecordingProxy.AskAsync(home.VpsPort, exchange.Request, Cancelled);
            if (exchange.Status == 429)
            {
                // What the bucket still holds is spent first.
                answer = await RecordingProxy.AskAsync(home.VpsPort, exchange.Request, Cancelled);
            }

            Assert.True(exchange.Status == Exchange.StatusOf(answer), $"{exchange.Name}: {Exchange.StatusOf(answer)}");
            Assert.Equal(Exchange.Header(exchange.Answer, "Content-Type"), Exchange.Header(answer, "Content-Type"));
            Assert.Equal(Exchange.Header(exchange.Answer, "Retry-After") is null, Exchange.Header(answer, "Retry-After") is null);
            AssertHolds(exchange.Name, Exchange.Body(exchange.Answer), Exchange.Body(answer));
        }

        if (state == "plain")
        {
            // Sent once more, as after an answer that was lost.
            var batch = exchanges.First(exchange => exchange is { Path: "/v1/ingest", Status: 200 });
            var counts = Exchange.Body(await RecordingProxy.AskAsync(home.VpsPort, batch.Request, Cancelled));
            Assert.Equal(0, counts.GetProperty("inserted").GetInt32());
            Assert.Equal(Exchange.Body(batch.Answer).GetProperty("inserted").GetInt32(), counts.GetProperty("duplicates").GetInt32());
        }
    }

    [Fact]
    public async Task This_edge_delivers_to_the_first_release_s_VPS_through_its_refusals()
    {
        var recorded = Exchange.Of(First);
        // A batch of one that is too large would be the sample's own fault, and 429 asks for more patience than a test has.
        var script = new Queue<byte[]>(new[] { 503, 422 }.Select(status => Answer(status).Answer));
        var taken = recorded.First(exchange => exchange is { Path: "/v1/ingest", Status: 200, IsCompressed: false }).Answer;
        Assert.Equal(1, Exchange.Body(taken).GetProperty("inserted").GetInt32());
        var report = recorded.First(exchange => exchange is { Path: "/v1/heartbeat", Status: 200 }).Answer;
        await using var vps = new ScriptedVps(request =>
            !request.IsIngest ? report : script.TryDequeue(out var refusal) ? refusal : taken);
        await using var home = await Home.OpenAsync(Cancelled);

        var edge = home.StartEdge(
            new Dictionary<string, string?> { ["Uplink__Url"] = $"http://127.0.0.1:{vps.Port}", ["Uplink__BatchSize"] = "1" }, "run");
        await edge.LineAsync("opened", cancellationToken: Cancelled);

        await Until.TrueAsync(async () => (await home.StatusAsync(Cancelled)).Acknowledged >= 3, TimeSpan.FromMinutes(3), Cancelled);
        Assert.Empty(script);

        Exchange Answer(int status) => recorded.First(exchange => exchange.Path == "/v1/ingest" && exchange.Status == status);
    }

    /// <summary>The time of then, in which those samples are neither old nor of the future.</summary>
    private static FakeClock ClockOf(Exchange exchange)
    {
        var clock = FakeClock.Create(Path.Combine(LastWill.CreateFolder("sungrow-then-"), "clock"));
        if (clock is null)
        {
            Missing.Server("libfaketime is not installed (Debian: apt-get install faketime)");
        }

        clock!.Set(exchange.Date - TimeProvider.System.GetUtcNow());
        return clock;
    }

    /// <summary>What an edge reads is there, and of its kind; more may be there.</summary>
    private static void AssertHolds(string where, JsonElement then, JsonElement now)
    {
        var kinds = (Plain(then), Plain(now));
        Assert.True(kinds.Item1 == kinds.Item2, $"{where} was {then}, and is {now}");
        if (then.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in then.EnumerateObject())
            {
                Assert.True(now.TryGetProperty(member.Name, out var value), $"{where}: no {member.Name} in {now}");
                AssertHolds($"{where}.{member.Name}", member.Value, value);
                if (Exact.Contains(member.Name))
                {
                    Assert.Equal(member.Value.ToString(), value.ToString());
                }
            }
        }
        else if (then.ValueKind == JsonValueKind.Array)
        {
            Assert.Equal(then.GetArrayLength(), now.GetArrayLength());
            foreach (var (before, after) in then.EnumerateArray().Zip(now.EnumerateArray()))
            {
                AssertHolds(where + "[]", before, after);
            }
        }
    }

    // True and false are one kind.
    private static JsonValueKind Plain(JsonElement element) => element.ValueKind == JsonValueKind.False ? JsonValueKind.True : element.ValueKind;

    private sealed class ScriptedVps(Func<HttpMessage, byte[]> answer) : FaultProxy(target: 0)
    {
        protected override async Task ServeAsync(Socket client, CancellationToken cancellationToken)
        {
            await using NetworkStream edge = new(client);
            while (await HttpMessage.ReadAsync(edge, cancellationToken) is { } request)
            {
                await edge.WriteAsync(answer(request), cancellationToken);
            }
        }
    }
}
