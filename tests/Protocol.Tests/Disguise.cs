using System.Text;

namespace Sungrow.Protocol.Tests;

/// <summary>The same JSON in other clothes: members shuffled, characters escaped, white space and unknown members between.</summary>
internal static class Disguise
{
    private static readonly string[] UnknownValues =
    [
        "null", "true", "-1.5e300", "1e999", "\"\\ud800\"", "\"samples\"", "[]", "{}", "[[[{\"a\":[1,2,{}]}]]]",
        """{"device_id":5,"ts":[],"samples":[{"seq":"x"}]}""", "\"\\u0000\\n\\\\\\\"\"",
    ];

    private static readonly string[] UnknownNames =
    [
        "", "Device_id", "TS", "seq ", "pv_power", "pv_power_w2", "samples", "buffer_id", "é", "ts\\u0000", "\\\\", "\\\"",
        "\\ud800", "\\ud800abc", "s\\udc00q",
    ];

    public static string Batch(Random random, IReadOnlyList<string> samples)
    {
        (string, string)[] members =
        [
            ("samples", $"[{Space(random)}{string.Join($"{Space(random)},", samples)}{Space(random)}]"),
            ("buffer_id", random.One("null", "\"0190b0c0-0000-7000-8000-00000000beef\"")),
        ];
        return Space(random) + Object(random, members) + Space(random);
    }

    public static string Object(Random random, IEnumerable<(string Name, string Value)> members)
    {
        (string Name, string Value)[] known =
        [
            .. members.Select(member => (
                Escape(random, member.Name), member.Value[0] == '"' ? $"\"{Escape(random, member.Value[1..^1])}\"" : member.Value)),
        ];
        var unknown = Enumerable.Range(0, random.Next(4))
            .Select(_ => (Name: random.One(UnknownNames), Value: random.One(UnknownValues)))
            .Where(member => members.All(mine => mine.Name != member.Name));
        var all = known.Concat(unknown).ToArray();
        random.Shuffle(all);
        return Space(random) + "{" + string.Join(
            ',',
            all.Select(member => $"{Space(random)}\"{member.Name}\"{Space(random)}:{Space(random)}{member.Value}{Space(random)}")) + "}";
    }

    private static string Escape(Random random, string text)
    {
        if (text.Contains('\\', StringComparison.Ordinal) || random.Chance(0.7))
        {
            return text;
        }

        var escaped = new StringBuilder();
        foreach (var character in text)
        {
            var hex = random.Chance(0.5) ? $"{(int)character:x4}" : $"{(int)character:X4}";
            escaped.Append(random.Chance(0.4) ? $"\\u{hex}" : character.ToString());
        }

        return escaped.ToString();
    }

    private static string Space(Random random) => random.One("", "", "", " ", "\r\n\t");
}
