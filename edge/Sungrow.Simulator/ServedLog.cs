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
    private static readonly (string Name, Register Register, int Divisor)[] Values =
    [
        ("pv_power_w", RegisterMap.PvPower, 1),
        ("pv_daily_kwh", RegisterMap.PvDaily, 10),
        ("battery_power_w", RegisterMap.BatteryPower, 1),
        ("battery_soc_pct", RegisterMap.BatterySoc, 10),
        ("battery_temp_c", RegisterMap.BatteryTemperature, 10),
        ("load_power_w", RegisterMap.LoadPower, 1),
        ("export_power_w", RegisterMap.ExportPower, 1),
    ];

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

    public void Write(DateTimeOffset utc, Reading reading, Request request, Answer answer)
    {
        var line = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteString("utc", utc.UtcDateTime);
            json.WriteString("simulated", reading.LocalTime);
            json.WriteString("serial", reading.Serial);
            json.WriteNumber("function", request.Function);
            json.WriteNumber("start", request.Start);
            json.WriteNumber("count", request.Count);
            json.WriteNumber("exception", (byte)answer.Exception);
            json.WriteStartObject("values");
            foreach (var (name, register, divisor) in Values)
            {
                if (Holds(request, answer, register))
                {
                    json.WriteNumber(name, (decimal)register.Raw(reading) / divisor);
                }
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        line.Write("\n"u8);
        lock (_gate)
        {
            _file.Write(line.WrittenSpan);
        }
    }

    public void Dispose() => _file.Dispose();

    private static bool Holds(Request request, Answer answer, Register register) =>
        request.Function == Request.ReadInputRegisters
        && request.Start <= register.Wire
        && register.Wire + register.Words <= request.Start + answer.Words.Length;
}
