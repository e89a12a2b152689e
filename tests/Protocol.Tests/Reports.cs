using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sungrow.Protocol.Tests;

/// <summary>Reports, and edits of their text.</summary>
internal static class Reports
{
    public static readonly EdgeReport Minimal = new()
    {
        BufferId = new("0190b0c0-0000-7000-8000-00000000beef"),
        BootId = "boot",
        Version = "0.1.0",
        StartedAt = Wire.Now,
        SentAt = Wire.Now,
        ClockTrusted = false,
        PollIntervalS = 0.5,
        SamplesPerRow = 3_600,
        Inverter = new(Model: null, Serial: null, Reachable: false, LastPoll: null),
        Cursors = new Dictionary<string, long>(StringComparer.Ordinal),
        Waiting = new(Rows: 0, Held: 0, Oldest: null, Newest: null),
        Counters = new(Committed: 0, Acknowledged: 0, DeadLettered: 0, Evicted: 0),
        Missing = [],
        Gaps = [],
    };

    /// <summary>With everything that may be absent.</summary>
    public static readonly EdgeReport Sound = Minimal with
    {
        Replaces = new(Guid.Empty, Salvaged: 0, Lost: 0),
        Inverter = new("SH10RT", "A2340512345", Reachable: true, Wire.Now),
        Cursors = new Dictionary<string, long>(StringComparer.Ordinal) { ["SG-1"] = 0 },
        Missing = [new(FromSeq: 1, ToSeq: long.MaxValue, Rows: long.MaxValue, Wire.Now, Wire.Now, "evicted")],
        Gaps = [new(Wire.Now, Wire.Now, "night", Missed: 0)],
    };

    public static EdgeReport Read(string json) => JsonSerializer.Deserialize(json, ProtocolJson.Default.EdgeReport)!;

    /// <summary>The sound report's text but for one value, put in as text: a tree of JSON would not take 1e999.</summary>
    /// <param name="path">For example <c>gaps.0.missed</c>.</param>
    public static string With(string path, string value)
    {
        const string Mark = "put it here";
        return Edit(path, (parent, step) => Set(parent, step, Mark)).Replace($"\"{Mark}\"", value, StringComparison.Ordinal);
    }

    public static string Without(string path) => Edit(path, (parent, step) => parent.AsObject().Remove(step));

    public static string WithUnknown(params string[] paths)
    {
        var root = Tree();
        foreach (var path in paths)
        {
            path.Split('.').Where(step => step.Length > 0).Aggregate(root, Child)["tomorrow"] = JsonNode.Parse("""[{"a":[1,null,"x"]}]""");
        }

        return root.ToJsonString();
    }

    /// <summary>The path of every member; device ids are none.</summary>
    public static IEnumerable<string> Paths() => Below(Tree()).Where(path => !path.StartsWith("cursors.", StringComparison.Ordinal));

    private static IEnumerable<string> Below(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => Below(member.Value).Select(path => $"{member.Key}.{path}").Prepend(member.Key)),
        JsonArray list => list.SelectMany((entry, i) => Below(entry).Select(path => $"{i}.{path}")),
        _ => [],
    };

    private static string Edit(string path, Action<JsonNode, string> edit)
    {
        var root = Tree();
        var steps = path.Split('.');
        edit(steps[..^1].Aggregate(root, Child), steps[^1]);
        return root.ToJsonString();
    }

    private static JsonNode Tree() => JsonNode.Parse(JsonSerializer.Serialize(Sound, ProtocolJson.Default.EdgeReport))!;

    private static JsonNode Child(JsonNode node, string step) => node is JsonArray list ? list[Index(step)]! : node[step]!;

    private static void Set(JsonNode parent, string step, string value)
    {
        if (parent is JsonArray list)
        {
            list[Index(step)] = value;
        }
        else
        {
            parent[step] = value;
        }
    }

    private static int Index(string step) => int.Parse(step, CultureInfo.InvariantCulture);
}
