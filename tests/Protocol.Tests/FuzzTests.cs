using System.Text;
using System.Text.Json;

namespace Sungrow.Protocol.Tests;

/// <summary>Bodies of no particular sender.</summary>
public class FuzzTests
{
    // A word that no text of ours holds.
    private const string Canary = "zqxjv";

    private static readonly byte[][] Splices =
    [
        .. new[]
        {
            "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "1e999", "-", "0", "NaN", "//", "/*",
            "\\ud800", "\\udfff", "\"\\ud800abcdef\":", "\\u0000",
            "\"samples\":", "\"buffer_id\":", "\"device_id\":", "\"ts\":", "\"seq\":",
            new string('[', 40), string.Concat(Enumerable.Repeat("{\"a\":", 40)),
        }.Select(Encoding.UTF8.GetBytes),
        [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xEF, 0xBB, 0xBF], [0],
    ];

    [Fact]
    public void No_body_makes_the_reader_throw_and_its_verdict_on_JSON_is_that_of_the_framework() => Any.Holds(
        Mangled,
        body =>
        {
            var read = IngestBatchReader.Read(body.Bytes, Wire.Window);

            Assert.Equal(IsJson(body.Bytes), read.Malformed is null || read.TooManySamples);
            Assert.All(read.Samples, sample => Assert.Empty(Errors(sample)));
        },
        times: 10_000);

    [Fact]
    public void No_text_of_a_client_comes_back() => Any.Holds(
        random =>
        {
            var marked = new List<byte>(Mangled(random).Bytes);
            for (var i = 0; i < 5; i++)
            {
                var mark = random.One(Canary, $"\"{Canary}\"", $"\"{Canary}\":\"{Canary}\",");
                marked.InsertRange(random.Next(marked.Count + 1), Encoding.UTF8.GetBytes(mark));
            }

            return new Body([.. marked]);
        },
        body =>
        {
            var read = IngestBatchReader.Read(body.Bytes, Wire.Window);

            Assert.DoesNotContain(Canary, read.Malformed ?? "", StringComparison.Ordinal);
            Assert.All(read.Errors, error => Assert.DoesNotContain(Canary, error.ToString(), StringComparison.Ordinal));
        },
        times: 5_000);

    [Fact]
    public void Random_bytes_are_not_JSON_and_do_no_harm() => Any.Holds(
        random =>
        {
            var bytes = new byte[random.Next(64)];
            random.NextBytes(bytes);
            return new Body(bytes);
        },
        body => Assert.Equal(IsJson(body.Bytes), IngestBatchReader.Read(body.Bytes, Wire.Window).Malformed is null),
        times: 5_000);

    private static Body Mangled(Random random)
    {
        var ids = Enumerable.Range(0, random.Next(4)).Select(_ => random.One("\"SG-1\"", "\"SG-2\"", "5"));
        var samples = ids.Select(id => Wire.SampleWith("device_id", id));
        var bytes = new List<byte>(Encoding.UTF8.GetBytes(Disguise.Batch(random, [.. samples])));
        var changes = random.Next(6);
        for (var i = 0; i < changes && bytes.Count > 0; i++)
        {
            var at = random.Next(bytes.Count);
            var length = random.Next(Math.Min(30, bytes.Count - at));
            switch (random.Next(5))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes.RemoveRange(at, length); break;
                case 2: bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count - length), length)); break;
                case 3: bytes.RemoveRange(at, bytes.Count - at); break;
                default: bytes.InsertRange(at, random.One(Splices)); break;
            }
        }

        return new([.. bytes]);
    }

    private static bool IsJson(byte[] bytes)
    {
        try
        {
            JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 32 }).Dispose();
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static List<FieldError> Errors(SungrowSample sample)
    {
        List<FieldError> errors = [];
        SampleRules.Check(sample, "", Wire.Window, errors);
        return errors;
    }

    internal sealed record Body(byte[] Bytes)
    {
        // A counterexample to paste into a test.
        public override string ToString() => $"{Convert.ToHexString(Bytes)} = {Encoding.UTF8.GetString(Bytes)}";
    }
}
