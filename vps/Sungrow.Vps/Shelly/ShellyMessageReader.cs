using System.Text;
using System.Text.Json;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Shelly;

/// <summary>Reads one message. Members come in any order, so its readings are kept until all of it is known.</summary>
internal static class ShellyMessageReader
{
    private static readonly TimeSpan MaxAhead = TimeSpan.FromDays(1);

    /// <param name="reader">At the message's opening brace; afterwards at its closing one.</param>
    /// <param name="utf8">What the reader reads.</param>
    public static void Read(ref Utf8JsonReader reader, ReadOnlySpan<byte> utf8, DateTimeOffset now, ShellyBatch batch)
    {
        string? device = null;
        Time stated = default, own = default;
        Span<Values> values = stackalloc Values[ShellyBatchReader.Channels];
        values.Clear();
        int devices = 0, timestamps = 0, statuses = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (ShellyBatchReader.Is(ref reader, "src"u8) && ++devices == 1)
            {
                reader.Read();
                device = ReadDevice(ref reader, batch);
            }
            else if (ShellyBatchReader.Is(ref reader, "timestamp"u8) && ++timestamps == 1)
            {
                reader.Read();
                stated = ReadTime(ref reader, now);
            }
            else if (ShellyBatchReader.Is(ref reader, "params"u8) && ++statuses == 1)
            {
                reader.Read();
                own = ReadStatus(ref reader, now, values);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        var time = stated.IsStated ? stated : own;
        Require(device is not null, "src", devices == 0 ? ErrorCodes.Required : ErrorCodes.OutOfRange,
            $"a text of 1 to {ShellyBatchReader.MaxDevice} printable ASCII characters, spaces around it not counted");
        Require(time.Utc is not null, "timestamp", time.IsStated ? ErrorCodes.OutOfRange : ErrorCodes.Required,
            "a number: seconds since 1970 in UTC, more than 0, at most a day ahead");
        Require(devices < 2, "src", ErrorCodes.DuplicateMember, "once");
        Require(timestamps < 2, "timestamp", ErrorCodes.DuplicateMember, "once");
        Require(statuses < 2, "params", ErrorCodes.DuplicateMember, "once");
        if (device is null || time.Utc is not { } timestamp)
        {
            return;
        }

        batch.Devices.Add(device);
        for (var channel = 0; channel < values.Length; channel++)
        {
            var said = values[channel];
            if (said.Length > 0)
            {
                batch.Refused.Add(new(device, channel, timestamp, Text(utf8.Slice(said.Start, said.Length))));
            }
            else if (said.PowerW is { } power)
            {
                batch.Readings.Add(new(device, channel, timestamp, power, said.VoltageV, said.CurrentA));
            }
        }

        void Require(bool holds, string member, string code, string allowed)
        {
            if (!holds)
            {
                batch.Errors.Add(new($"messages[{batch.Messages}].{member}", code, allowed));
            }
        }
    }

    private static string? ReadDevice(ref Utf8JsonReader reader, ShellyBatch batch)
    {
        Span<char> text = stackalloc char[2 * ShellyBatchReader.MaxDevice]; // With spaces around it.
        if (reader.TokenType != JsonTokenType.String || !Texts.TryCopy(ref reader, text, out var length))
        {
            reader.Skip();
            return null;
        }

        ReadOnlySpan<char> device = text[..length].Trim();
        if (device.Length is 0 or > ShellyBatchReader.MaxDevice || device.ContainsAnyExceptInRange(' ', '~'))
        {
            return null;
        }

        // One string for all the messages of a device.
        return batch.Devices.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(device, out var known) ? known : device.ToString();
    }

    private static Time ReadTime(ref Utf8JsonReader reader, DateTimeOffset now)
    {
        if (reader.TokenType != JsonTokenType.Number)
        {
            var isNull = reader.TokenType == JsonTokenType.Null;
            reader.Skip();
            return new(IsStated: !isNull, null);
        }

        // Decimal: what is written as 1631186545.04 is no microsecond less.
        if (!reader.TryGetDecimal(out var seconds) || seconds <= 0 || seconds > (now + MaxAhead).ToUnixTimeSeconds())
        {
            return new(IsStated: true, null);
        }

        var microseconds = (long)(seconds * 1_000_000);
        return new(IsStated: true, DateTimeOffset.UnixEpoch.AddTicks(microseconds * TimeSpan.TicksPerMicrosecond));
    }

    /// <returns>The device's own <c>ts</c>.</returns>
    private static Time ReadStatus(ref Utf8JsonReader reader, DateTimeOffset now, scoped Span<Values> values)
    {
        Time own = default;
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return own;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isTs = ShellyBatchReader.Is(ref reader, "ts"u8);
            var channel = ShellyBatchReader.Channel(ref reader);
            reader.Read();
            if (isTs)
            {
                own = ReadTime(ref reader, now);
            }
            else if (channel >= 0 && reader.TokenType == JsonTokenType.StartObject)
            {
                values[channel] = ReadValues(ref reader);
            }
            else
            {
                reader.Skip();
            }
        }

        return own;
    }

    private static Values ReadValues(ref Utf8JsonReader reader)
    {
        var start = (int)reader.TokenStartIndex;
        double? power = null, voltage = null, current = null;
        bool isPowerWrong = false, areNumbers = true;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (ShellyBatchReader.Is(ref reader, "apower"u8))
            {
                isPowerWrong = !TryReadNumber(ref reader, out power);
            }
            else if (ShellyBatchReader.Is(ref reader, "voltage"u8))
            {
                areNumbers &= TryReadNumber(ref reader, out voltage);
            }
            else if (ShellyBatchReader.Is(ref reader, "current"u8))
            {
                areNumbers &= TryReadNumber(ref reader, out current);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        return isPowerWrong || (power is not null && !areNumbers) ? new(null, null, null, start, (int)reader.TokenStartIndex + 1 - start)
            : power is null ? default // No meter here, or a change of something else.
            : new(power, voltage, current, 0, 0);
    }

    /// <returns>False for what is neither a finite number nor null.</returns>
    private static bool TryReadNumber(ref Utf8JsonReader reader, out double? number)
    {
        number = null;
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var value) && double.IsFinite(value))
        {
            number = value;
            return true;
        }

        var isNull = reader.TokenType == JsonTokenType.Null;
        reader.Skip();
        return isNull;
    }

    // For a person who wants to see what came.
    private static string Text(ReadOnlySpan<byte> utf8) =>
        Encoding.UTF8.GetString(utf8[..Math.Min(utf8.Length, RefusedReading.MaxText)]);

    private readonly record struct Time(bool IsStated, DateTimeOffset? Utc);

    /// <param name="PowerW">Null: not metered, or refused.</param>
    /// <param name="Start">Where the text of a refused one begins; it has a <paramref name="Length"/>.</param>
    private readonly record struct Values(double? PowerW, double? VoltageV, double? CurrentA, int Start, int Length);
}
