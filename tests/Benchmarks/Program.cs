using System.CommandLine;

namespace Sungrow.Benchmarks;

/// <summary>Each claim of speed has its benchmark here. It compares within one run, and exits with 1 where it does not hold.</summary>
internal static class Program
{
    public static Task<int> Main(string[] args)
    {
        RootCommand root = new("Measures what the project claims, each against a baseline of the same run.")
        {
            BufferFootprint.Command(),
            BufferFootprint.Writer(),
            BufferScale.Command(),
            Drain.Command(),
            EdgeFootprint.Command(),
            History.Command(),
            FleetPush.Command(),
            IngestThroughput.Command(),
            IngestMillion.Command(),
            Realtime.Command(),
            RedisOutage.Command(),
            Serve.Command(),
            ShellyIngest.Command(),
        };
        return root.Parse(args).InvokeAsync();
    }
}
