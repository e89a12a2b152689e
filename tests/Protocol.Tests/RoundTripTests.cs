using System.Globalization;
using System.Text.Json;

namespace Sungrow.Protocol.Tests;

public class RoundTripTests
{
    [Fact]
    public void Every_sound_batch_arrives_to_the_microsecond_and_the_last_digit() => Any.Holds(
        random => new IngestBatch(
            random.Chance(0.5) ? null : NewId(random), [.. Enumerable.Range(0, random.Next(20)).Select(_ => Any.Sample(random))]),
        batch =>
        {
            var read = IngestBatchReader.Read(JsonSerializer.SerializeToUtf8Bytes(batch, ProtocolJson.Default.IngestBatch), Wire.Window);

            Assert.Empty(read.Named());
            Assert.Equal(batch.BufferId, read.BufferId);
            Assert.Equal(batch.Samples.Select(Bits), read.Samples.Select(Bits));
            Assert.Equal(batch.Samples.Select(sample => sample.DeviceId).ToHashSet(), read.DeviceIds);
        });

    [Fact]
    public void Order_escapes_white_space_and_unknown_members_do_not_matter() => Any.Holds(
        random =>
        {
            SungrowSample[] samples = [.. Enumerable.Range(0, random.Next(5)).Select(_ => Any.Sample(random))];
            var texts = samples.Select(sample => Disguise.Object(random, Members(sample)));
            return (Samples: samples, Body: Disguise.Batch(random, [.. texts]));
        },
        sent =>
        {
            var read = Wire.Read(sent.Body);

            Assert.Empty(read.Named());
            Assert.Equal(sent.Samples.Select(Bits), read.Samples.Select(Bits));
        });

    [Fact]
    public void Absent_and_null_are_the_same()
    {
        const string Head = """{"device_id":"a","ts":"2026-09-08T15:59:00Z","load_power_w":1""";
        var nulls = Wire.ReadSamples(Head + ""","pv_power_w":null,"sample_count":null,"interval_s":null,"seq":null}""");
        var absent = Wire.ReadSamples(Head + "}");

        Assert.Equal(Assert.Single(absent.Samples), Assert.Single(nulls.Samples));
        Assert.Equal(1, absent.Samples[0].SampleCount);
        Assert.Null(absent.Samples[0].PvPowerW);
    }

    [Theory]
    [InlineData("1.0", 1)]
    [InlineData("3.6e3", 3_600)]
    [InlineData("3600.000", 3_600)]
    [InlineData("36000E-1", 3_600)]
    public void An_integer_may_be_written_with_a_point_or_an_exponent(string written, int meant)
    {
        var read = Wire.ReadSamples(Wire.SampleWith("sample_count", written), Wire.SampleWith("seq", written));

        Assert.Empty(read.Named());
        Assert.Equal(meant, read.Samples[0].SampleCount);
        Assert.Equal(meant, read.Samples[1].Seq);
    }

    [Fact]
    public void The_largest_sequence_number_is_exact_however_it_is_written()
    {
        var read = Wire.ReadSamples(Wire.SampleWith("seq", "9223372036854775807"), Wire.SampleWith("seq", "9223372036854775807.0"));

        Assert.Empty(read.Named());
        Assert.All(read.Samples, sample => Assert.Equal(long.MaxValue, sample.Seq));
    }

    /// <summary>Everything of a sample, numbers as their bits: equality of doubles would let -0 pass for 0.</summary>
    private static string Bits(SungrowSample sample)
    {
        double?[] numbers =
        [
            sample.PvPowerW, sample.PvDailyKwh, sample.BatteryPowerW, sample.BatterySocPct, sample.BatteryTempC,
            sample.LoadPowerW, sample.ExportPowerW, sample.IntervalS,
        ];
        var microseconds = sample.Ts.UtcTicks / TimeSpan.TicksPerMicrosecond;
        return $"{sample.DeviceId} {microseconds} {sample.SampleCount} {sample.Seq} "
            + string.Join(' ', numbers.Select(number => number is { } value ? $"{BitConverter.DoubleToInt64Bits(value):x}" : "null"));
    }

    /// <summary>Written without the serializer, so that an error of its settings cannot cancel itself.</summary>
    private static List<(string Name, string Value)> Members(SungrowSample sample) =>
    [
        ("device_id", $"\"{sample.DeviceId}\""),
        ("ts", $"\"{sample.Ts.UtcDateTime:yyyy-MM-ddTHH:mm:ss.fffffff}Z\""),
        ("pv_power_w", Number(sample.PvPowerW)),
        ("pv_daily_kwh", Number(sample.PvDailyKwh)),
        ("battery_power_w", Number(sample.BatteryPowerW)),
        ("battery_soc_pct", Number(sample.BatterySocPct)),
        ("battery_temp_c", Number(sample.BatteryTempC)),
        ("load_power_w", Number(sample.LoadPowerW)),
        ("export_power_w", Number(sample.ExportPowerW)),
        ("sample_count", sample.SampleCount.ToString(CultureInfo.InvariantCulture)),
        ("interval_s", Number(sample.IntervalS)),
        ("seq", sample.Seq?.ToString(CultureInfo.InvariantCulture) ?? "null"),
    ];

    private static string Number(double? value) => value?.ToString("R", CultureInfo.InvariantCulture) ?? "null";

    private static Guid NewId(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return new(bytes);
    }
}
