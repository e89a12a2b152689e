using System.Diagnostics;
using System.Text;

namespace Sungrow.Protocol.Tests;

/// <summary>Ratios, never absolute times: a slow machine is no defect, a quadratic reader is.</summary>
public class CostTests
{
    private static readonly string BadInEveryMember =
        Wire.Object(Wire.Members.SelectMany(name => new[] { (name, "[1]"), (name, "2") }));

    [Fact]
    public void Ten_times_the_bad_samples_cost_about_ten_times_as_much()
    {
        var (few, many) = (Bytes(BadInEveryMember, 500), Bytes(BadInEveryMember, 5_000));

        var bytes = (double)Cost.Allocated(() => ReadAndGroup(many)) / Cost.Allocated(() => ReadAndGroup(few));
        Assert.InRange(bytes, 5, 20);

        // Quadratic would be a hundred; the best of several runs leaves out what else the machine does.
        var time = Cost.Best(() => ReadAndGroup(many)) / Cost.Best(() => ReadAndGroup(few));
        Assert.True(time < 50, $"Reading ten times the samples took {time:0} times as long.");
    }

    [Fact]
    public void A_sound_sample_costs_little_more_than_itself()
    {
        var (few, many) = (Bytes(Wire.Sample(), 500), Bytes(Wire.Sample(), 5_000));

        // The sample and its place in the list; a string for each would show.
        var perSample = (Cost.Allocated(() => Read(many)) - Cost.Allocated(() => Read(few))) / 4_500.0;
        var itself = Cost.Allocated(() => new SungrowSample { DeviceId = "a", Ts = default });
        Assert.True(perSample < itself + 40, $"{perSample:0} bytes for a sample of {itself}.");
    }

    [Fact]
    public void One_long_sample_of_repeated_members_makes_few_errors()
    {
        var body = Wire.ReadSamples($"{{{string.Join(',', Enumerable.Repeat("\"ts\":5,\"seq\":\"x\",\"\\ud800\":1", 50_000))}}}");

        Assert.Equal(6, body.Errors.Count);
    }

    private static byte[] Bytes(string sample, int count) => Encoding.UTF8.GetBytes(Wire.Batch([.. Enumerable.Repeat(sample, count)]));

    private static ReadBatch Read(byte[] body) => IngestBatchReader.Read(body, Wire.Window);

    private static object ReadAndGroup(byte[] body) => Problem.Group(Read(body).Errors);
}

internal static class Cost
{
    /// <summary>Bytes allocated by one run, after a first one that pays for everything made once.</summary>
    public static long Allocated(Func<object> work)
    {
        work();
        var before = GC.GetAllocatedBytesForCurrentThread();
        work();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>Milliseconds of the best of some runs.</summary>
    public static double Best(Func<object> work) => Enumerable.Range(0, 7).Min(_ =>
    {
        var start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    });
}
