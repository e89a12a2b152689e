using System.Text;

namespace Sungrow.Protocol.Tests;

/// <summary>Bodies as text, and what the reader says of them.</summary>
internal static class Wire
{
    public static readonly DateTimeOffset Now = new(2026, 9, 8, 16, 0, 0, TimeSpan.Zero);

    public static readonly SampleWindow Window = SampleWindow.At(Now, TimeSpan.FromDays(1826));

    public static readonly string[] Metrics = [.. SampleRules.Metrics.Select(metric => metric.Name)];

    /// <summary>Of a sample, in the order of the wire.</summary>
    public static readonly string[] Members = ["device_id", "ts", .. Metrics, "sample_count", "interval_s", "seq"];

    private static readonly (string Name, string Value)[] SoundMembers =
        [.. Members.Select(name => (name, name switch { "device_id" => "\"SG-1\"", "ts" => "\"2026-09-08T15:59:00Z\"", _ => "1" }))];

    public static ReadBatch Read(string body) => IngestBatchReader.Read(Encoding.UTF8.GetBytes(body), Window);

    public static ReadBatch ReadSamples(params string[] samples) => Read(Batch(samples));

    public static string Batch(params string[] samples) => $$"""{"samples":[{{string.Join(',', samples)}}]}""";

    /// <summary>A sound sample's text.</summary>
    public static string Sample() => Object(SoundMembers);

    /// <summary>A sound sample's text but for one member; null leaves the member out.</summary>
    public static string SampleWith(string name, string? value) =>
        Object([.. SoundMembers.Where(member => member.Name != name), .. value is null ? [] : new[] { (name, value) }]);

    public static string Object(IEnumerable<(string Name, string Value)> members) =>
        $"{{{string.Join(',', members.Select(member => $"\"{member.Name}\":{member.Value}"))}}}";

    /// <summary>Path and code of every error, sorted.</summary>
    public static string[] Named(this ReadBatch batch)
    {
        Assert.Null(batch.Malformed);
        Assert.False(batch.TooManySamples);
        return [.. batch.Errors.Select(error => $"{error.Path} {error.Code}").Order(StringComparer.Ordinal)];
    }
}
