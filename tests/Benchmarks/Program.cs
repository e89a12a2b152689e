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
            FleetPush.Command(),
            IngestThroughput.Command(),
            IngestMillion.Command(),
            RedisOutage.Command(),
            Serve.Command(),
        };
        return root.Parse(args).InvokeAsync();
    }
}
