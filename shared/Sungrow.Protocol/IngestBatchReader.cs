using System.Text.Json;

namespace Sungrow.Protocol;

/// <summary>Reads a batch in one pass over its UTF-8 bytes. Not the serializer: that stops at the first wrong value, and a sender
/// must learn of every bad sample at once to dead-letter exactly those.</summary>
public static class IngestBatchReader
{
    private const int MaxDepth = 32;

    private static readonly JsonReaderOptions Options = new() { MaxDepth = MaxDepth };

    /// <param name="utf8">The whole body.</param>
    /// <param name="window">The times accepted.</param>
    /// <param name="list">The member that holds the samples.</param>
    public static ReadBatch Read(ReadOnlySpan<byte> utf8, SampleWindow window, string list = "samples")
    {
        var batch = new ReadBatch();
        var reader = new Utf8JsonReader(utf8, Options);
        try
        {
            ReadBody(ref reader, window, list, batch);
            return batch;
        }
        catch (JsonException broken)
        {
            // Its message quotes the body, and no text of a client goes into an answer: the place is enough.
            return new()
            {
                Malformed = $"Not JSON, or nested deeper than {MaxDepth} levels, "
                    + $"at line {broken.LineNumber + 1}, byte {broken.BytePositionInLine + 1}.",
            };
        }
    }

    private static void ReadBody(ref Utf8JsonReader reader, SampleWindow window, string list, ReadBatch batch)
    {
        int samples = 0, bufferIds = 0;
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
        }
        else
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var mayBeOurs = Texts.MayBeOurs(ref reader);
                var isSamples = mayBeOurs && reader.ValueTextEquals(list);
                var isBufferId = mayBeOurs && reader.ValueTextEquals("buffer_id"u8);
                reader.Read();
                if (isSamples && ++samples == 1)
                {
                    ReadSamples(ref reader, window, batch);
                    if (batch.TooManySamples)
                    {
                        return;
                    }
                }
                else if (isBufferId && ++bufferIds == 1)
                {
                    ReadBufferId(ref reader, batch);
                }
                else
                {
                    reader.Skip();
                }
            }
        }

        reader.Read(); // Throws where anything follows the end.
        AddWhere(samples == 0, list, ErrorCodes.Required, "an object with an array of samples");
        AddWhere(samples > 1, list, ErrorCodes.DuplicateMember, "once");
        AddWhere(bufferIds > 1, "buffer_id", ErrorCodes.DuplicateMember, "once");

        void AddWhere(bool holds, string path, string code, string detail)
        {
            if (holds)
            {
                batch.Errors.Add(new(path, code, detail));
            }
        }
    }

    private static void ReadBufferId(ref Utf8JsonReader reader, ReadBatch batch)
    {
        if (reader.TokenType == JsonTokenType.String && Texts.MayBeOurs(ref reader) && reader.TryGetGuid(out var bufferId))
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

        for (var index = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
        {
            batch.Sent = index + 1;
            if (index == ProtocolLimits.MaxSamples)
            {
                batch.TooManySamples = true;
                return;
            }

            if (reader.TokenType == JsonTokenType.StartObject)
            {
                SampleReader.Read(ref reader, index, window, batch);
            }
            else
            {
                batch.Errors.Add(new($"samples[{index}]", ErrorCodes.WrongType, "an object"));
                reader.Skip();
            }
        }
    }
}
