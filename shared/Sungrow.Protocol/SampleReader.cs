using System.Text;
using System.Text.Json;

namespace Sungrow.Protocol;

/// <summary>Reads one sample of a batch and names all that is wrong with it.</summary>
internal static class SampleReader
{
    // A member's place in Names, and its bit in the sets below.
    private const int DeviceId = 0;
    private const int Ts = 1;
    private const int SampleCount = 2;
    private const int IntervalS = 3;
    private const int Seq = 4;
    private const int FirstMetric = 5;

    private static readonly string[] Names =
        ["device_id", "ts", "sample_count", "interval_s", "seq", .. SampleRules.Metrics.Select(metric => metric.Name)];

    private static readonly byte[][] Utf8Names = [.. Names.Select(Encoding.UTF8.GetBytes)];

    /// <param name="reader">At the sample's opening brace; afterwards at its closing one.</param>
    public static void Read(ref Utf8JsonReader reader, int index, SampleWindow window, ReadBatch batch)
    {
        var errors = batch.Errors;
        var firstError = errors.Count;

        string? deviceId = null;
        DateTimeOffset? ts = null;
        long sampleCount = SampleValues.StandIn;
        double? intervalS = null;
        long? seq = null;
        Span<double?> metrics = stackalloc double?[SampleRules.Metrics.Count];

        uint seen = 0, twice = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = Which(ref reader);
            var bit = member < 0 ? 0 : 1u << member;
            reader.Read();
            if (member < 0 || (seen & bit) != 0)
            {
                if ((twice & bit) != bit)
                {
                    errors.Add(Error(member, ErrorCodes.DuplicateMember, "once"));
                }

                twice |= bit;
                reader.Skip();
                continue;
            }

            seen |= bit;
            if (reader.TokenType == JsonTokenType.Null)
            {
                continue; // The same as absent.
            }

            var error = member switch
            {
                DeviceId => SampleValues.ReadDeviceId(ref reader, batch, out deviceId),
                Ts => SampleValues.ReadTs(ref reader, window, out ts),
                SampleCount => SampleValues.ReadInteger(ref reader, SampleRules.SampleCountRange, out sampleCount),
                IntervalS => SampleValues.ReadNumber(ref reader, out intervalS),
                Seq => SampleValues.ReadSeq(ref reader, out seq),
                _ => SampleValues.ReadNumber(ref reader, out metrics[member - FirstMetric]),
            };
            if (error is { } named)
            {
                errors.Add(named with { Path = $".{Names[member]}" });
                reader.Skip();
            }
        }

        if (deviceId is null)
        {
            errors.Add(Error(DeviceId, ErrorCodes.Required, "a string"));
        }

        if (ts is null)
        {
            errors.Add(Error(Ts, ErrorCodes.Required, "a string"));
        }

        var sample = new SungrowSample
        {
            DeviceId = deviceId ?? SampleValues.StandInId,
            Ts = ts ?? window.Newest,
            PvPowerW = metrics[0],
            PvDailyKwh = metrics[1],
            BatteryPowerW = metrics[2],
            BatterySocPct = metrics[3],
            BatteryTempC = metrics[4],
            LoadPowerW = metrics[5],
            ExportPowerW = metrics[6],
            SampleCount = (int)Math.Clamp(sampleCount, 0, int.MaxValue),
            IntervalS = intervalS,
            Seq = seq,
        };
        Judge(sample, firstError, index, window, batch);
    }

    /// <summary>Checks the values, and keeps the sample where it has no error from <paramref name="firstError"/> on.</summary>
    private static void Judge(SungrowSample sample, int firstError, int index, SampleWindow window, ReadBatch batch)
    {
        var errors = batch.Errors;
        SampleRules.Check(sample, "", window, errors);
        if (errors.Count == firstError)
        {
            batch.Samples.Add(sample);
            return;
        }

        // Until here a path is that within the sample: a sound one, and most are, costs no text.
        for (var i = firstError; i < errors.Count; i++)
        {
            errors[i] = errors[i] with { Path = $"samples[{index}]{errors[i].Path}" };
        }
    }

    private static FieldError Error(int member, string code, string detail) => new($".{Names[member]}", code, detail);

    private static int Which(ref Utf8JsonReader reader)
    {
        if (Texts.MayBeOurs(ref reader))
        {
            for (var member = 0; member < Utf8Names.Length; member++)
            {
                if (reader.ValueTextEquals(Utf8Names[member]))
                {
                    return member;
                }
            }
        }

        return -1;
    }
}
