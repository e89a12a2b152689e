using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Sungrow.Protocol;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Vps.Tests.Fuzz;

/// <summary>Every POST route of the program as it runs, asked by raw sockets for things that nobody should ask.
/// <c>SUNGROW_FUZZ_ROUNDS</c> (2,000) and <c>SUNGROW_FUZZ_SEED</c> repeat and lengthen it.</summary>
public class FuzzTests(Databases databases)
{
    private static readonly ParallelOptions Eight = new() { MaxDegreeOfParallelism = 8 };

    /// <summary>What the heap and its fragments may add between the first quarter of the rounds and the last.</summary>
    private const long MostGrowthBytes = 160 * 1024 * 1024;

    /// <summary>So many rounds meet every answer.</summary>
    private const int EnoughForAll = 1_000;

    [Fact]
    public async Task No_request_makes_the_server_fail_leak_or_tell()
    {
        var rounds = Setting("SUNGROW_FUZZ_ROUNDS", 2_000);
        var seed = Setting("SUNGROW_FUZZ_SEED", Random.Shared.Next());
        await using var vps = ProgramProcess.StartOurs("sungrow-vps", [], new Dictionary<string, string?>
        {
            ["DATABASE_URL"] = await databases.CreateAsync(),
            ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
            ["DEVICE_TOKENS"] = $"{FuzzedRequest.Token}:inverter-1",
            ["RATE_LIMIT_REQUESTS_PER_SECOND"] = "0",
            ["RATE_LIMIT_SAMPLES_PER_SECOND"] = "0",
            ["RATE_LIMIT_FAILED_AUTH_PER_MINUTE"] = "0", // Else most of it would be refused at the door.
            ["INGEST_API_KEY"] = FuzzedRequest.Token, // Else the answer is 500, and rightly so.
            ["DOTNET_gcServer"] = "0",
        });
        var line = await vps.LineAsync("Now listening on: ");
        var address = new Uri(line[line.IndexOf("http", StringComparison.Ordinal)..].Trim());
        await vps.LineAsync("The database is ready");
        var routes = await RoutesAsync(address);
        Assert.Contains("/v1/tenants/{tenant}/devices/{device}/telemetry", routes);
        Assert.Contains("/api/ingest/batch", routes);

        var statuses = new int[600];
        await AskAsync(0, rounds / 4);
        var before = vps.ResidentBytes;
        await AskAsync(rounds / 4, rounds);
        var growth = vps.ResidentBytes - before;

        var said = string.Join(", ", statuses.Index().Where(status => status.Item > 0).Select(status => $"{status.Index}: {status.Item}"));
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}, {rounds} rounds, {growth >> 20} MB, {said}");
        Assert.False(vps.HasExited, $"seed {seed}: the server has ended:\n{vps.Output}");
        Assert.True(growth < MostGrowthBytes, $"seed {seed}: grew by {growth >> 20} MB");
        if (rounds >= EnoughForAll)
        {
            Assert.All([200, 400, 401, 403, 413, 415, 422], status => Assert.True(statuses[status] > 0, $"seed {seed}: no {status} in {said}"));
        }

        Assert.DoesNotContain("   at ", vps.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(FuzzedRequest.Token, vps.Output, StringComparison.Ordinal);

        Task AskAsync(int from, int to) => Parallel.ForAsync(from, to, Eight, async (round, _) =>
        {
            var request = FuzzedRequest.Make(unchecked(seed + round), routes);
            var answer = await SendAsync(address, request);
            try
            {
                Interlocked.Increment(ref statuses[Judge(request, answer)]);
            }
            catch (Exception failed)
            {
                var head = Encoding.Latin1.GetString(request.Bytes.AsSpan(0, Math.Min(request.Bytes.Length, 3_000)));
                throw new InvalidOperationException(
                    $"SUNGROW_FUZZ_SEED={unchecked(seed + round)} SUNGROW_FUZZ_ROUNDS=1 repeats it: {failed.Message}\n{head}\n"
                    + $"--> {answer}\n{string.Join('\n', vps.Lines.TakeLast(20))}",
                    failed);
            }
        });
    }

    /// <returns>The status; 0 where there was no answer and need be none.</returns>
    private static int Judge(FuzzedRequest request, string answer)
    {
        while (answer.StartsWith("HTTP/1.1 100 ", StringComparison.Ordinal))
        {
            answer = answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        }

        if (answer.Length == 0)
        {
            Assert.True(request.IsHalfClosed, "no answer");
            return 0;
        }

        Assert.StartsWith("HTTP/1.1 ", answer, StringComparison.Ordinal);
        var status = int.Parse(answer.AsSpan(9, 3), CultureInfo.InvariantCulture);
        var body = answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        Assert.InRange(status, 200, 499);
        Assert.DoesNotContain("   at ", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", answer, StringComparison.Ordinal);
        Assert.DoesNotContain(FuzzedRequest.Token, answer, StringComparison.Ordinal);
        if (status >= 400 && body.Length > 0) // What is no HTTP the web server itself refuses, without a word.
        {
            Assert.Contains("application/problem+json", answer, StringComparison.Ordinal);
            var start = body.IndexOf('{', StringComparison.Ordinal); // A chunk's length stands before it.
            using var problem = JsonDocument.Parse(body[start..(body.LastIndexOf('}') + 1)]);
            Assert.True(ErrorCodes.IsWellFormed(problem.RootElement.GetProperty("code").GetString()));
            Assert.Equal(status, problem.RootElement.GetProperty("status").GetInt32());
        }

        return status;
    }

    private static async Task<string> SendAsync(Uri address, FuzzedRequest request)
    {
        using var deadline = new CancellationTokenSource(Until.Deadline);
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, address.Port, deadline.Token);
        using MemoryStream answer = new();
        var reading = ReadAsync();
        try
        {
            await socket.SendAsync(request.Bytes, deadline.Token);
            if (request.IsHalfClosed)
            {
                socket.Shutdown(SocketShutdown.Send);
            }
        }
        catch (SocketException)
        {
            // Refused before all of it was sent: the answer is there.
        }

        await reading;
        return Encoding.UTF8.GetString(answer.ToArray());

        async Task ReadAsync()
        {
            var buffer = new byte[4_096];
            try
            {
                int read;
                while ((read = await socket.ReceiveAsync(buffer, deadline.Token)) > 0)
                {
                    answer.Write(buffer.AsSpan(0, read));
                }
            }
            catch (SocketException)
            {
                // Reset after the answer, as not all of the request was read.
            }
        }
    }

    private static async Task<List<string>> RoutesAsync(Uri address)
    {
        using HttpClient http = new() { BaseAddress = address };
        using var description = JsonDocument.Parse(await http.GetStringAsync("/openapi/v1.json"));
        return [.. description.RootElement.GetProperty("paths").EnumerateObject()
            .Where(path => path.Value.TryGetProperty("post", out _)).Select(path => path.Name)];
    }

    private static int Setting(string name, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : usual;
}
