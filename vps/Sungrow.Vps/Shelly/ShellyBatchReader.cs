using System.Text;
using System.Text.Json;
using Sungrow.Protocol;

namespace Sungrow.Vps.Shelly;

/// <summary>Reads a batch in one pass over its UTF-8 bytes. What is wrong with a message is said of each; of a reading that is no number
/// the others know nothing. A null is as good as absent: so a Shelly says that a value is gone.</summary>
internal static class ShellyBatchReader
{
    public const int MaxMessages = 1_000;
    public const int Channels = 4;
    public const int MaxDevice = 128;

    private const int MaxDepth = 32;

    private static readonly JsonReaderOptions Options = new() { MaxDepth = MaxDepth };
    private static readonly byte[][] Switches =
        [.. Enumerable.Range(0, Channels).Select(channel => Encoding.UTF8.GetBytes($"switch:{channel}"))];

    /// <param name="utf8">The whole body.</param>
    public static ShellyBatch Read(ReadOnlySpan<byte> utf8, DateTimeOffset now)
    {
        var reader = new Utf8JsonReader(utf8, Options);
        try
        {
            var batch = new ShellyBatch();
            ReadBody(ref reader, utf8, now, batch);
            return batch;
        }
        catch (JsonException broken)
        {
            return new()
            {
                Malformed = $"Not JSON, or nested deeper than {MaxDepth} levels, "
                    + $"at line {broken.LineNumber + 1}, byte {broken.BytePositionInLine + 1}.",
            };
        }
    }

    private static void ReadBody(ref Utf8JsonReader reader, ReadOnlySpan<byte> utf8, DateTimeOffset now, ShellyBatch batch)
    {
        const string allowed = "an array of 1 to 1000 messages";
        var lists = 0;
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
        }
        else
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isMessages = Is(ref reader, "messages"u8);
                reader.Read();
                if (!isMessages || ++lists > 1)
                {
                    reader.Skip();
                }
                else if (reader.TokenType != JsonTokenType.StartArray)
                {
                    batch.Errors.Add(new("messages", ErrorCodes.WrongType, allowed));
                    reader.Skip();
                }
                else
                {
                    ReadMessages(ref reader, utf8, now, batch);
                    if (batch.Messages is 0 or > MaxMessages)
                    {
                        batch.Errors.Add(new("messages", ErrorCodes.OutOfRange, allowed));
                    }
                }
            }
        }

        reader.Read(); // Throws where anything follows the end.
        if (lists != 1)
        {
            batch.Errors.Add(new("messages", lists == 0 ? ErrorCodes.Required : ErrorCodes.DuplicateMember, allowed));
        }
    }

    private static void ReadMessages(ref Utf8JsonReader reader, ReadOnlySpan<byte> utf8, DateTimeOffset now, ShellyBatch batch)
    {
        for (; reader.Read() && reader.TokenType != JsonTokenType.EndArray; batch.Messages++)
        {
            if (batch.Messages >= MaxMessages)
            {
                reader.Skip(); // That it is too many is enough to know of the rest.
            }
            else if (reader.TokenType == JsonTokenType.StartObject)
            {
                ShellyMessageReader.Read(ref reader, utf8, now, batch);
            }
            else
            {
                batch.Errors.Add(new($"messages[{batch.Messages}]", ErrorCodes.WrongType, "an object"));
                reader.Skip();
            }
        }
    }

    /// <summary>Whether the reader stands at the member of this name.</summary>
    public static bool Is(ref Utf8JsonReader reader, ReadOnlySpan<byte> name) =>
        Texts.MayBeOurs(ref reader) && reader.ValueTextEquals(name);

    /// <returns>The channel whose status the reader's member holds; negative for any other.</returns>
    public static int Channel(ref Utf8JsonReader reader)
    {
        for (var channel = 0; channel < Channels; channel++)
        {
            if (Is(ref reader, Switches[channel]))
            {
                return channel;
            }
        }

        return -1;
    }
}
