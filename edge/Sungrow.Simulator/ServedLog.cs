using System.Buffers;
using System.Text.Json;
using Sungrow.Simulator.Day;
using Sungrow.Simulator.Modbus;

namespace Sungrow.Simulator;

/// <summary>What was served, one JSON line per answer, for whoever wants to compare it with what arrived elsewhere. A line is on its way to
/// the file before its answer is sent: whatever a client knows stands here. The values come from the simulated day itself and never
/// went through words, so a mistake in the encoding shows as a difference.</summary>
internal sealed class ServedLog : IDisposable
{
    private readonly FileStream _file;
    private readonly Lock _gate = new();

    private ServedLog(FileStream file) => _file = file;

    /// <summary>Continues an existing file.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written, or is a folder.</exception>
    public static ServedLog Open(string path)
    {
        // Without a buffer of its own: a line that was written can be read by others, and one that could not is not tried again at the end.
        return new(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0));
    }

    /// <param name="meant">The truth of the simulated day, whatever faults made of it.</param>
    /// <param name="metrics">Those whose registers were asked for and not refused.</param>
    /// <param name="disturbed">What really left, where faults made it differ from what was meant; null where they did not.</param>
    public void Write(DateTimeOffset utc, Reading meant, Request request, Answer answer, IEnumerable<Metric> metrics, Disturbed? disturbed)
    {
        var line = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteString("utc", utc.UtcDateTime);
            json.WriteString("simulated", meant.LocalTime);
            json.WriteString("serial", meant.Serial);
            json.WriteNumber("function", request.Function);
            json.WriteNumber("start", request.Start);
            json.WriteNumber("count", request.Count);
            json.WriteNumber("exception", (byte)answer.Exception);
            json.WriteStartObject("values");
            foreach (var metric in metrics)
            {
                json.WriteNumber(metric.Name, metric.Value(meant));
            }

            json.WriteEndObject();
            if (disturbed is not null)
            {
                Write(json, disturbed);
            }

            json.WriteEndObject();
        }

        line.Write("\n"u8);
        lock (_gate)
        {
            _file.Write(line.WrittenSpan);
        }
    }

    public void Dispose() => _file.Dispose();

    private static void Write(Utf8JsonWriter json, Disturbed disturbed)
    {
        json.WriteStartArray("faults");
        foreach (var fault in disturbed.Faults)
        {
            json.WriteStringValue(fault);
        }

        json.WriteEndArray();
        json.WriteString("sent", Convert.ToHexString(disturbed.Reply.Bytes));
        json.WriteString("then", disturbed.Reply.Ending switch { Ending.Close => "close", Ending.Reset => "reset", _ => "stay" });
    }
}

/// <summary>An answer that faults changed.</summary>
/// <param name="Faults">The names of all that were in force.</param>
internal sealed record Disturbed(IEnumerable<string> Faults, Reply Reply);
