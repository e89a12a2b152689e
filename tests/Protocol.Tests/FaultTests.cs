namespace Sungrow.Protocol.Tests;

/// <summary>Samples with known faults: the reader names exactly those, and passes exactly the sound samples.</summary>
public class FaultTests
{
    private static readonly string[] NoStrings = ["1", "-0.5", "true", "false", "{}", "[]", """{"ts":"x"}""", "[\"SG-1\"]"];
    private static readonly string[] NoIds =
        ["\"\"", "\"a b\"", "\"é\"", "\"a/b\"", "\"\\u0000\"", "\"\\ud800\"", $"\"{new string('x', 65)}\""];
    private static readonly string[] NoTimes = ["\"\"", "\"2026-09-08\"", "\"2026-09-08T15:59:00\"", "\"\\ud800\"", "\"1757347140\""];
    private static readonly string[] NoNumbers = ["\"1\"", "\"\"", "\"NaN\"", "true", "false", "{}", "[]", "[1]", """{"seq":1}"""];

    [Fact]
    public void Every_invalid_sample_is_named_with_all_its_faults_and_no_other() => Any.Holds(
        random =>
        {
            List<string> samples = [], expected = [];
            var sound = 0;
            var count = random.Next(12);
            for (var index = 0; index < count; index++)
            {
                var faults = random.Chance(0.4) ? [] : Faulty(random, samples);
                if (faults.Count == 0)
                {
                    sound++;
                    samples.Add(Wire.Sample());
                }

                expected.AddRange(faults.Select(fault => $"samples[{index}]{fault}"));
            }

            return (Body: Disguise.Batch(random, samples), Expected: expected.Order(StringComparer.Ordinal).ToArray(), Sound: sound);
        },
        sent =>
        {
            var read = Wire.Read(sent.Body);

            Assert.Equal(sent.Expected, read.Named());
            Assert.Equal(sent.Sound, read.Samples.Count);
        },
        times: 1_500);

    /// <summary>Adds a sample with at least one fault, and answers what the reader must say of it.</summary>
    private static List<string> Faulty(Random random, List<string> samples)
    {
        if (random.Chance(0.1))
        {
            samples.Add(random.One("null", "1", "\"sample\"", "true", "[]", "[{}]"));
            return [" WRONG_TYPE"];
        }

        List<(string Name, string Value)> members = [];
        List<string> expected = [];
        var empty = random.Chance(0.15);
        var faulty = random.Next(1, 5);
        string[] chosen = empty ? [] : [.. Enumerable.Range(0, faulty).Select(_ => random.One(Wire.Members)).Distinct()];
        foreach (var name in Wire.Members)
        {
            var isMetric = Wire.Metrics.Contains(name);
            var (value, code) = empty && isMetric ? (random.One("null", null), null)
                : chosen.Contains(name) ? Fault(random, name)
                : (Sound(name), null);
            if (code is not null)
            {
                expected.Add($".{name} {code}");
            }

            if (value is not null)
            {
                members.Add((name, value));
            }
        }

        if (empty)
        {
            expected.Add(" EMPTY_SAMPLE");
        }

        var text = Disguise.Object(random, members);
        if (members.Count > 0 && random.Chance(0.2))
        {
            // What a second occurrence holds does not matter: the member is named, and the first stands.
            var twice = random.One([.. members]).Name;
            text = $"{text[..^1]},\"{twice}\":{random.One("1", "\"x\"", "null", "[]", "1e999")},\"{twice}\":{{}}}}";
            expected.Add($".{twice} DUPLICATE_MEMBER");
        }

        samples.Add(text);
        return expected;
    }

    private static string Sound(string name) => name switch
    {
        "device_id" => "\"SG-1\"",
        "ts" => "\"2026-09-08T15:59:00Z\"",
        _ => "1",
    };

    private static (string? Value, string Code) Fault(Random random, string name) => name switch
    {
        "device_id" => random.One<(string?, string)>(
            (null, "REQUIRED"), ("null", "REQUIRED"), (random.One(NoStrings), "WRONG_TYPE"),
            (random.One(NoIds), "MALFORMED_DEVICE_ID")),
        "ts" => random.One<(string?, string)>(
            (null, "REQUIRED"), ("null", "REQUIRED"), (random.One(NoStrings), "WRONG_TYPE"),
            (random.One(NoTimes), "MALFORMED_TIMESTAMP"),
            ("\"2026-09-08T16:05:00.000001Z\"", "TIMESTAMP_IN_FUTURE"), ("\"2020-01-01T00:00:00+00:00\"", "TIMESTAMP_TOO_OLD")),
        "sample_count" => random.One(
            (random.One([.. NoNumbers, "1.5", "0.999"]), "WRONG_TYPE"),
            (random.One("0", "3601", "-1", "1e30", "-1e30", "99999999999999999999", "1e999"), "OUT_OF_RANGE")),
        "seq" => random.One(
            (random.One([.. NoNumbers, "1.5", "9007199254740993.5"]), "WRONG_TYPE"),
            (random.One("0", "-1", "1e30", "99999999999999999999", "9223372036854775808", "1e999"), "OUT_OF_RANGE")),
        "interval_s" => random.One(
            (random.One(NoNumbers), "WRONG_TYPE"), (random.One("0", "0.0999999", "3600.1", "-1", "1e999"), "OUT_OF_RANGE")),
        _ => random.One(
            (random.One(NoNumbers), "WRONG_TYPE"), (random.One("500000.1", "-500000.1", "1e999", "-1e999"), "OUT_OF_RANGE")),
    };
}
