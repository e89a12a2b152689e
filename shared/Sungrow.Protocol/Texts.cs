using System.Text;
using System.Text.Json;

namespace Sungrow.Protocol;

/// <summary>Names and strings in a client's JSON.</summary>
public static class Texts
{
    /// <summary>False where the text holds what none of ours does. Asked first: the framework's reader lets half a surrogate pair and
    /// bytes that are no UTF-8 pass as JSON, and throws when asked for their text.</summary>
    public static bool MayBeOurs(ref Utf8JsonReader reader)
    {
        var text = reader.ValueSpan;
        return Ascii.IsValid(text) && !(reader.ValueIsEscaped && (text.IndexOf("\\ud"u8) >= 0 || text.IndexOf("\\uD"u8) >= 0));
    }

    /// <summary>The string's characters, unescaped; false where they do not fit or are not ours.</summary>
    public static bool TryCopy(ref Utf8JsonReader reader, scoped Span<char> text, out int length)
    {
        length = 0;
        // One character takes at most six bytes as it travels: the \uXXXX of an escape.
        if (reader.ValueSpan.Length > text.Length * 6 || !MayBeOurs(ref reader))
        {
            return false;
        }

        Span<char> unescaped = stackalloc char[reader.ValueSpan.Length];
        length = reader.CopyString(unescaped);
        return unescaped[..length].TryCopyTo(text);
    }
}
