using System.CommandLine;
using System.Globalization;
using Sungrow.TestServers;

namespace Sungrow.Benchmarks;

/// <summary>Claim: an edge that polls every 10 s stays within 50 MB of resident memory as a ReadyToRun and trimmed build, 65 MB as a
/// portable one, uses less than 0.5 % of one core, and asks a hybrid inverter for three blocks a poll. Both builds are published from the
/// sources at hand and run one after the other against the simulated inverter and the real VPS.</summary>
internal static class EdgeFootprint
{
    private const double AllowedCorePercent = 0.5;
    private const int RequestsPerPoll = 3;

    // Start-up is compiled and paid once; what counts is the day after.
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private static readonly Build[] Builds =
    [
        new("ReadyToRun, trimmed", ["-r", "linux-x64"], "sungrow-edge", AllowedMegabytes: 50),
        new("portable", ["-p:UseAppHost=false"], "sungrow-edge.dll", AllowedMegabytes: 65),
    ];

    public static Command Command()
    {
        Option<int> seconds = new("--seconds") { Description = "How long each build is watched, after 30 s to settle.", DefaultValueFactory = _ => 120 };
        Command command = new("edge-footprint", "Memory, CPU and Modbus requests of an edge that polls every 10 s.") { seconds };
        command.SetAction((parsed, cancellationToken) => RunAsync(TimeSpan.FromSeconds(parsed.GetValue(seconds)), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(TimeSpan watch, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("sungrow-footprint-").FullName;
        try
        {
            await using var redis = await RedisServer.StartAsync(cancellationToken: cancellationToken);
            await using var vps = await VpsUnderLoad.StartAsync(redis.Url, cancellationToken);
            Console.WriteLine($"{"build",-20} {"RSS MB",7} {"private",8} {"allowed",8} {"core %",7} {"allowed",8} {"requests/poll",14}");
            var holds = true;
            foreach (var build in Builds)
            {
                var program = await PublishAsync(build, Path.Combine(folder, $"program-{build.AllowedMegabytes}"), cancellationToken);
                var seen = await WatchAsync(program, vps, folder, watch, cancellationToken);
                holds &= seen.ResidentMegabytes <= build.AllowedMegabytes && seen.CorePercent < AllowedCorePercent
                    && seen.RequestsPerPoll == RequestsPerPoll;
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{build.Name,-20} {seen.ResidentMegabytes,7:F1} {seen.PrivateMegabytes,8:F1} {build.AllowedMegabytes,8} {seen.CorePercent,7:F2} "
                    + $"{AllowedCorePercent,8} {seen.RequestsPerPoll,14:F2}"));
            }

            Console.WriteLine(holds ? "The claim holds." : "The claim does NOT hold.");
            return holds ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<string> PublishAsync(Build build, string folder, CancellationToken cancellationToken)
    {
        var project = Path.Combine(Programs.Root, "edge", "Sungrow.Edge");
        await using var publish = ProgramProcess.Start(
            "dotnet", ["publish", project, "-c", "Release", "-o", folder, "--nologo", "-v", "quiet", .. build.Options]);
        if (await publish.ExitCodeAsync(TimeSpan.FromMinutes(10), cancellationToken) != 0)
        {
            throw new InvalidOperationException($"The {build.Name} build cannot be published:\n{publish.Output}");
        }

        return Path.Combine(folder, build.Program);
    }

    private static async Task<Seen> WatchAsync(
        string program, VpsUnderLoad vps, string folder, TimeSpan watch, CancellationToken cancellationToken)
    {
        var name = Path.GetFileName(program);
        var served = Path.Combine(folder, name + ".served");
        await using var inverter = ProgramProcess.Start("dotnet", [Programs.Simulator, "--port", "0", "--log", served]);
        var address = (await inverter.LineAsync("listening ", cancellationToken: cancellationToken)).Split(' ')[1].Split(':');
        Dictionary<string, string?> settings = new()
        {
            ["Inverter__Host"] = address[0],
            ["Inverter__Port"] = address[1],
            ["Inverter__TimeZone"] = "UTC",
            ["Polling__Interval"] = Interval.ToString(),
            ["Device__Id"] = VpsUnderLoad.Device,
            ["Buffer__Path"] = Path.Combine(folder, name + ".db"),
            ["Uplink__Url"] = vps.Address,
            ["Uplink__Token"] = VpsUnderLoad.DeviceToken,
        };
        await using var edge = program.EndsWith(".dll", StringComparison.Ordinal)
            ? ProgramProcess.Start("dotnet", [program], settings)
            : ProgramProcess.Start(program, [], settings);
        await edge.LineAsync("Inverter reached", cancellationToken: cancellationToken);
        await Task.Delay(Settle, TimeProvider.System, cancellationToken);

        await PollEndsAsync(served, cancellationToken);
        var (requestsBefore, cpuBefore, since) = (Requests(served), CpuSeconds(edge.Id), TimeProvider.System.GetTimestamp());
        await Task.Delay(watch, TimeProvider.System, cancellationToken);
        await PollEndsAsync(served, cancellationToken);
        var (requests, cpu, took) = (
            Requests(served) - requestsBefore, CpuSeconds(edge.Id) - cpuBefore, TimeProvider.System.GetElapsedTime(since));
        var (resident, @private) = Memory(edge.Id);
        return new(resident, @private, 100 * cpu / took.TotalSeconds, requests / Math.Round(took / Interval));
    }

    /// <summary>Waits for a poll and its end, so that whole polls are counted.</summary>
    private static async Task PollEndsAsync(string served, CancellationToken cancellationToken)
    {
        var before = Requests(served);
        int now;
        while ((now = Requests(served)) == before)
        {
            await Task.Delay(Look, TimeProvider.System, cancellationToken);
        }

        do
        {
            before = now;
            await Task.Delay(Look, TimeProvider.System, cancellationToken);
            now = Requests(served);
        }
        while (now != before);
    }

    private static int Requests(string served) => File.ReadLines(served).Count();

    // utime and stime are the 14th and 15th field, in hundredths of a second: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    private static double CpuSeconds(int pid)
    {
        var text = File.ReadAllText($"/proc/{pid}/stat");
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / 100.0;
    }

    private static (double Resident, double Private) Memory(int pid)
    {
        var kilobytes = File.ReadLines($"/proc/{pid}/smaps_rollup")
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words is [_, _, "kB"])
            .ToDictionary(words => words[0].TrimEnd(':'), words => double.Parse(words[1], CultureInfo.InvariantCulture));
        return (kilobytes["Rss"] / 1024, (kilobytes["Private_Dirty"] + kilobytes["Private_Clean"]) / 1024);
    }

    private sealed record Build(string Name, string[] Options, string Program, int AllowedMegabytes);

    private sealed record Seen(double ResidentMegabytes, double PrivateMegabytes, double CorePercent, double RequestsPerPoll);
}
