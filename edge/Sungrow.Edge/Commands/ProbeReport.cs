using System.Text.Json.Serialization;
using Sungrow.Edge.Inverter;
using Sungrow.Protocol;

namespace Sungrow.Edge.Commands;

/// <summary>What a probe found, as <c>--json</c> prints it.</summary>
/// <param name="DeviceId">Of the samples; null where neither <c>Device__Id</c> nor a serial number names one.</param>
/// <param name="Family"><c>hybrid</c> or <c>string</c>.</param>
/// <param name="Path"><c>lan</c>, <c>winet</c> or <c>unknown</c>.</param>
internal sealed record ProbeReport(
    string? DeviceId, string? Serial, string Model, string Family, int DeviceTypeCode, double? NominalPowerW, int? Phases, string Path,
    ProbeSample Sample, IReadOnlyList<ProbeBlock> Blocks)
{
    /// <summary>Absent unless asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ProbeUplink? Uplink { get; init; }

    /// <param name="ts">Start of the poll.</param>
    public static ProbeReport From(Polled polled, string? configuredId, DateTimeOffset ts)
    {
        var (identity, reading) = (polled.Identity, polled.Reading);
        var serial = identity.Serial.Length > 0 ? identity.Serial : null;
        return new(
            configuredId ?? (DeviceIds.IsWellFormed(identity.Serial) ? identity.Serial : null),
            serial,
            identity.Model,
            identity.Family == InverterFamily.Hybrid ? "hybrid" : "string",
            identity.DeviceTypeCode,
            identity.NominalPowerWatts,
            identity.Phases,
            polled.Path.Word(),
            new(ts, reading.PvPowerWatts, reading.PvDailyKwh, reading.BatteryPowerWatts, reading.BatterySocPercent,
                reading.BatteryTemperatureCelsius, reading.LoadPowerWatts, reading.ExportPowerWatts),
            [.. polled.Blocks.Select(ProbeBlock.From)]);
    }
}

/// <summary>The seven metrics as served: the daily counter is not judged, one poll cannot.</summary>
internal sealed record ProbeSample(
    DateTimeOffset Ts, double? PvPowerW, double? PvDailyKwh, double? BatteryPowerW, double? BatterySocPct, double? BatteryTempC,
    double? LoadPowerW, double? ExportPowerW);

/// <param name="Start">Wire address of the first register.</param>
/// <param name="Answer"><c>ok</c>, or the device's refusal.</param>
internal sealed record ProbeBlock(string Name, int Start, int Count, string Answer, double Ms)
{
    public static ProbeBlock From(BlockAnswer answer) => new(
        answer.Block.Name,
        answer.Block.Start,
        answer.Block.Count,
        answer.Refusal is { } code ? $"exception {code}: {ModbusException.NameOf(code)}"
            : answer.Failure is { } failure ? failure.ToString()
            : "ok",
        Math.Round(answer.Took.TotalMilliseconds, 1));
}

/// <param name="DeviceId">The token's, null when the VPS did not say.</param>
internal sealed record ProbeUplink(bool Ok, string? DeviceId, string Sentence);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(ProbeReport))]
internal sealed partial class ProbeJson : JsonSerializerContext;
