using Sungrow.Edge.Inverter;

namespace Sungrow.Edge.Commands;

/// <summary>A probe for an installer's eyes: lines of at most 80 columns.</summary>
internal static class ProbeTable
{
    private const int Columns = 80;

    public static IEnumerable<string> Lines(ProbeReport report, Polled polled)
    {
        yield return $"{report.Model}, serial {report.Serial ?? "not served"}";
        yield return $"{report.Family} inverter, type 0x{report.DeviceTypeCode:X4}, {Power(report.NominalPowerW)}, "
            + $"{Phases(report.Phases)}, {Path(polled.Path)}";
        yield return $"device id {report.DeviceId ?? "none: set Device__Id"}";
        yield return "";

        var sample = report.Sample;
        yield return Metric("pv_power_w", sample.PvPowerW, "W", "");
        yield return Metric("pv_daily_kwh", sample.PvDailyKwh, "kWh", "since midnight, as the inverter counts");
        yield return Metric("battery_power_w", sample.BatteryPowerW, "W", "+ discharging, - charging");
        yield return Metric("battery_soc_pct", sample.BatterySocPct, "%", "");
        yield return Metric("battery_temp_c", sample.BatteryTempC, "degC", "");
        yield return Metric("load_power_w", sample.LoadPowerW, "W", "");
        yield return Metric("export_power_w", sample.ExportPowerW, "W", "+ exporting, - importing");
        yield return "";

        yield return $"{"block",-6}{"registers",-14}{"answer",-42}{"ms",8}";
        foreach (var block in report.Blocks)
        {
            yield return $"{block.Name,-6}{$"{block.Start}-{block.Start + block.Count - 1}",-14}{block.Answer,-42}{block.Ms,8:0.0}";
        }

        if (report.Uplink is { } uplink)
        {
            yield return "";
            foreach (var line in Wrapped($"VPS: {uplink.Sentence}"))
            {
                yield return line;
            }
        }

        string Metric(string name, double? value, string unit, string meaning) => value is { } number
            ? $"{name,-17}{number,9:0.###} {unit,-5}{meaning}".TrimEnd()
            : $"{name,-17}{"null",9} {WhyNull(name, polled)}";
    }

    /// <summary>What an absent metric means, at most 53 columns.</summary>
    public static string WhyNull(string metric, Polled polled)
    {
        var isHybrid = polled.Identity.Family == InverterFamily.Hybrid;
        var isBattery = metric.StartsWith("battery_", StringComparison.Ordinal);
        if (polled.IsZeroed)
        {
            return "zeros everywhere: the dongle has lost its inverter";
        }

        if (polled.Impossible.Contains(metric))
        {
            return "an impossible value was served, it is left out";
        }

        if (isBattery && !isHybrid)
        {
            return "a string inverter has no battery";
        }

        var home = metric == "pv_power_w" && isHybrid ? HybridMap.Pv.Name
            : metric is "load_power_w" or "export_power_w" && !isHybrid ? StringMap.Meter.Name
            : HybridMap.Main.Name;
        if (polled.Blocks.FirstOrDefault(answer => answer.Block.Name == home) is { Refusal: { } code })
        {
            return home == StringMap.Meter.Name && code == ModbusException.IllegalDataAddress
                ? "no meter is wired to this inverter: METER is refused"
                : $"block {home} is refused: {ModbusException.NameOf(code)}";
        }

        return metric switch
        {
            "battery_power_w" when polled.Reading.BatterySocPercent is not null => "its firmware does not say which way the power flows",
            "battery_temp_c" when polled.Reading.BatterySocPercent is not null => "the inverter marks it as absent",
            "load_power_w" or "export_power_w" => "no meter is wired to this inverter",
            _ when isBattery => "no battery is connected, or it is switched off",
            _ => "the inverter marks it as absent",
        };
    }

    /// <param name="indent">Of all lines but the first.</param>
    public static IEnumerable<string> Wrapped(string sentence, int indent = 5)
    {
        var line = "";
        foreach (var word in sentence.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > Columns)
            {
                yield return line;
                line = new string(' ', indent) + word;
            }
            else
            {
                line = line.Length == 0 ? word : $"{line} {word}";
            }
        }

        yield return line;
    }

    private static string Power(double? watts) => watts is { } known ? $"{known / 1000:0.##} kW" : "power unknown";

    private static string Path(ConnectionPath path) => path switch
    {
        ConnectionPath.Lan => "its LAN port",
        ConnectionPath.WiNet => "through a dongle",
        _ => "LAN port or dongle",
    };

    private static string Phases(int? phases) => phases switch { 1 => "1 phase", { } several => $"{several} phases", null => "phases unknown" };
}
