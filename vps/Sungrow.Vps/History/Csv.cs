using System.Globalization;
using System.Text;
using Sungrow.Protocol;

namespace Sungrow.Vps.History;

/// <summary>Lines of CSV as RFC 4180 has them: numbers with a point, times in RFC 3339, nothing for what is unknown.</summary>
internal sealed class Csv
{
    private readonly StringBuilder _text = new();
    private bool _begun;

    public int Length => _text.Length;

    public Csv Header(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            Add(name);
        }

        return End();
    }

    public Csv Add(double? number) => Raw(number?.ToString(CultureInfo.InvariantCulture) ?? "");

    public Csv Add(long? number) => Raw(number?.ToString(CultureInfo.InvariantCulture) ?? "");

    public Csv Add(DateTimeOffset? time) => Raw(time is { } known ? Rfc3339.Write(known) : "");

    /// <summary>Text may come from an edge: what a spreadsheet would take for a formula is shown instead of computed.</summary>
    public Csv Add(string? text)
    {
        var safe = text is ['=' or '+' or '-' or '@' or '\t' or '\r', ..] ? "'" + text : text ?? "";
        return Raw(safe.AsSpan().IndexOfAny(",\"\r\n") < 0 ? safe : $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"");
    }

    public Csv End()
    {
        _text.Append("\r\n");
        _begun = false;
        return this;
    }

    /// <summary>What has been written since the last call.</summary>
    public byte[] Take()
    {
        var bytes = Encoding.UTF8.GetBytes(_text.ToString());
        _text.Clear();
        return bytes;
    }

    private Csv Raw(string field)
    {
        _text.Append(_begun ? "," : "").Append(field);
        _begun = true;
        return this;
    }
}
