using System.Text;
using System.Text.Json;

namespace Sungrow.Protocol;

/// <summary>What a body of <c>POST /v1/ingest</c> holds.</summary>
public sealed class ReadBatch
{
    /// <summary>Not JSON: where reading stopped. Null when it is JSON.</summary>
    public string? Malformed { get; internal set; }

    /// <summary>More than <see cref="ProtocolLimits.MaxSamples"/>; the rest was not read.</summary>
    public bool TooManySamples { get; internal set; }

    public Guid? BufferId { get; internal set; }

    /// <summary>The sound samples in the order of the body; all of them when <see cref="Errors"/> is empty.</summary>
    public List<SungrowSample> Samples { get; } = [];

    /// <summary>Every well-formed device id named, also by a sample that is otherwise wrong.</summary>
    public HashSet<string> DeviceIds { get; } = new(StringComparer.Ordinal);

    /// <summary>Every error of every bad sample.</summary>
    public List<FieldError> Errors { get; } = [];
}

/// <summary>Reads a batch in one pass over its UTF-8 bytes. Not the serializer: that stops at the first wrong value, and a sender
/// must learn of every bad sample at once to dead-letter exactly those.</summary>
public static class IngestBatchReader
{
    private const int DeviceId = 0;
    private const int Ts = 1;
    private const int SampleCount = 2;
    private const int IntervalS = 3;
    private const int Seq = 4;
    private const int FirstMetric = 5;

    // Within every range: what stands for a value of the wrong type, which is named already, while the others are checked.
    private const int StandIn = 1;

    private static readonly JsonReaderOptions Options = new() { MaxDepth = 32 };

    private static readonly string[] Names =
        ["device_id", "ts", "sample_count", "interval_s", "seq", .. SampleRules.Metrics.Select(metric => metric.Name)];

    private static readonly byte[][] Utf8Names = [.. Names.Select(Encoding.UTF8.GetBytes)];

    /// <param name="utf8">The whole body.</param>
    /// <param name="window">The times accepted.</param>
    public static ReadBatch Read(ReadOnlySpan<byte> utf8, SampleWindow window)
    {
        var batch = new ReadBatch();
        var reader = new Utf8JsonReader(utf8, Options);
        try
        {
            ReadBody(ref reader, window, batch);
        }
        catch (JsonException broken)
        {
            // Its message quotes the body, and no text of a client goes into an answer: the place is enough.
            batch.Malformed = $"Not JSON at line {broken.LineNumber + 1}, byte {broken.BytePositionInLine + 1}.";
        }

        return batch;
    }

    private static void ReadBody(ref Utf8JsonReader reader, SampleWindow window, ReadBatch batch)
    {
        reader.Read();
        bool samplesSeen = false, bufferIdSeen = false;
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
        }
        else
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("samples"u8))
                {
                    Once(ref samplesSeen, "samples", batch);
                    reader.Read();
                    ReadSamples(ref reader, window, batch);
                    if (batch.TooManySamples)
                    {
                        return;
                    }
                }
                else if (reader.ValueTextEquals("buffer_id"u8))
                {
                    Once(ref bufferIdSeen, "buffer_id", batch);
                    reader.Read();
                    ReadBufferId(ref reader, batch);
                }
                else
                {
                    reader.Skip();
                }
            }
        }

        if (!samplesSeen)
        {
            batch.Errors.Add(new("samples", ErrorCodes.Required, "an object with an array of samples"));
        }

        reader.Read(); // Throws where anything follows the end.
    }

    private static void Once(ref bool seen, string path, ReadBatch batch)
    {
        if (seen)
        {
            batch.Errors.Add(new(path, ErrorCodes.DuplicateMember, "once"));
        }

        seen = true;
    }

    private static void ReadBufferId(ref Utf8JsonReader reader, ReadBatch batch)
    {
        if (reader.TokenType == JsonTokenType.String && reader.TryGetGuid(out var bufferId))
        {
            batch.BufferId = bufferId;
        }
        else if (reader.TokenType != JsonTokenType.Null)
        {
            batch.Errors.Add(new("buffer_id", ErrorCodes.WrongType, "a UUID"));
            reader.Skip();
        }
    }

    private static void ReadSamples(ref Utf8JsonReader reader, SampleWindow window, ReadBatch batch)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            batch.Errors.Add(new("samples", ErrorCodes.WrongType, "an array of samples"));
            reader.Skip();
            return;
        }

        string? lastDeviceId = null;
        for (var index = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (index == ProtocolLimits.MaxSamples)
            {
                batch.TooManySamples = true;
                return;
            }

            if (reader.TokenType == JsonTokenType.StartObject)
            {
                ReadSample(ref reader, index, window, batch, ref lastDeviceId);
            }
            else
            {
                batch.Errors.Add(new($"samples[{index}]", ErrorCodes.WrongType, "an object"));
                reader.Skip();
            }
        }
    }

    private static void ReadSample(
        ref Utf8JsonReader reader, int index, SampleWindow window, ReadBatch batch, ref string? lastDeviceId)
    {
        string? deviceId = null;
        DateTimeOffset? ts = null;
        long sampleCount = StandIn;
        double? intervalS = null;
        long? seq = null;
        Span<double?> metrics = stackalloc double?[SampleRules.Metrics.Count];
        metrics.Clear();

        uint seen = 0, duplicate = 0, wrong = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = Which(ref reader);
            reader.Read();
            if (member < 0)
            {
                reader.Skip();
                continue;
            }

            duplicate |= seen & (1u << member);
            seen |= 1u << member;
            if (reader.TokenType == JsonTokenType.Null)
            {
                continue; // The same as absent.
            }

            var error = member switch
            {
                DeviceId => ReadDeviceId(ref reader, ref lastDeviceId, out deviceId),
                Ts => ReadTs(ref reader, out ts),
                SampleCount => ReadInteger(ref reader, SampleRules.SampleCountRange, out sampleCount),
                IntervalS => ReadNumber(ref reader, out intervalS),
                Seq => ReadSeq(ref reader, out seq),
                _ => ReadNumber(ref reader, out metrics[member - FirstMetric]),
            };
            if (error is not null)
            {
                wrong |= 1u << member;
                batch.Errors.Add(error.Value with { Path = $"samples[{index}].{Names[member]}" });
                reader.Skip();
            }
        }

        if (deviceId is not null)
        {
            batch.DeviceIds.Add(deviceId);
        }

        AddRequired(DeviceId, deviceId is null);
        AddRequired(Ts, ts is null);
        for (var member = 0; duplicate >> member != 0; member++)
        {
            if ((duplicate >> member & 1) != 0)
            {
                batch.Errors.Add(new($"samples[{index}].{Names[member]}", ErrorCodes.DuplicateMember, "once"));
            }
        }

        var sample = new SungrowSample
        {
            DeviceId = deviceId ?? "-", // Named already where it is absent or wrong, as is the time.
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
        var errors = batch.Errors.Count;
        SampleRules.Check(sample, $"samples[{index}]", window, batch.Errors);
        if (wrong == 0 && duplicate == 0 && batch.Errors.Count == errors)
        {
            batch.Samples.Add(sample);
        }

        void AddRequired(int member, bool absent)
        {
            if (absent && (wrong & (1u << member)) == 0)
            {
                batch.Errors.Add(new($"samples[{index}].{Names[member]}", ErrorCodes.Required, "a string"));
                wrong |= 1u << member;
            }
        }
    }

    private static int Which(ref Utf8JsonReader reader)
    {
        for (var member = 0; member < Utf8Names.Length; member++)
        {
            if (reader.ValueTextEquals(Utf8Names[member]))
            {
                return member;
            }
        }

        return -1;
    }

    // Each reader below answers null, or an error whose path the caller knows.
    private static FieldError? ReadDeviceId(ref Utf8JsonReader reader, ref string? last, out string? deviceId)
    {
        deviceId = null;
        if (reader.TokenType != JsonTokenType.String)
        {
            return new("", ErrorCodes.WrongType, "a string");
        }

        // A batch holds one device id as a rule: one string for all its samples.
        if (last is not null && reader.ValueTextEquals(last))
        {
            deviceId = last;
            return null;
        }

        Span<char> text = stackalloc char[ProtocolLimits.MaxDeviceIdLength];
        if (!TryCopy(ref reader, text, out var length) || !Protocol.DeviceIds.IsWellFormed(text[..length]))
        {
            return new("", ErrorCodes.MalformedDeviceId, Protocol.DeviceIds.Form);
        }

        deviceId = last = text[..length].ToString();
        return null;
    }

    private static FieldError? ReadTs(ref Utf8JsonReader reader, out DateTimeOffset? ts)
    {
        ts = null;
        if (reader.TokenType != JsonTokenType.String)
        {
            return new("", ErrorCodes.WrongType, "a string");
        }

        Span<char> text = stackalloc char[Rfc3339.MaxLength];
        if (!TryCopy(ref reader, text, out var length) || !Rfc3339.TryParse(text[..length], out var time))
        {
            return new("", ErrorCodes.MalformedTimestamp, Rfc3339.Form);
        }

        ts = time;
        return null;
    }

    private static FieldError? ReadNumber(ref Utf8JsonReader reader, out double? number)
    {
        if (reader.TokenType != JsonTokenType.Number)
        {
            number = StandIn;
            return new("", ErrorCodes.WrongType, "a number or null");
        }

        // 1e999 reads as infinity: the range check names it.
        number = reader.GetDouble();
        return null;
    }

    private static FieldError? ReadInteger(ref Utf8JsonReader reader, string range, out long number)
    {
        number = StandIn;
        if (reader.TokenType != JsonTokenType.Number)
        {
            return new("", ErrorCodes.WrongType, "an integer");
        }

        if (reader.TryGetInt64(out var integer))
        {
            number = integer;
            return null;
        }

        // Beyond 64 bits it may still be an integer, only not a possible one.
        var real = reader.GetDouble();
        return double.IsInteger(real) || double.IsInfinity(real)
            ? new("", ErrorCodes.OutOfRange, range)
            : new("", ErrorCodes.WrongType, "an integer");
    }

    private static FieldError? ReadSeq(ref Utf8JsonReader reader, out long? seq)
    {
        var error = ReadInteger(ref reader, SampleRules.SeqRange, out var number);
        seq = number;
        return error;
    }

    /// <summary>The string's characters, unescaped; false where they do not fit or are no text.</summary>
    private static bool TryCopy(ref Utf8JsonReader reader, scoped Span<char> text, out int length)
    {
        length = 0;
        // One character takes at most six bytes as it travels: the \uXXXX of an escape.
        if (reader.ValueSpan.Length > text.Length * 6)
        {
            return false;
        }

        try
        {
            Span<char> unescaped = stackalloc char[reader.ValueSpan.Length];
            length = reader.CopyString(unescaped);
            return length <= text.Length && unescaped[..length].TryCopyTo(text);
        }
        catch (InvalidOperationException)
        {
            return false; // Not UTF-8, or half of a surrogate pair.
        }
    }
}
