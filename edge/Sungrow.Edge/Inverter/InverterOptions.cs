using Microsoft.Extensions.Options;

namespace Sungrow.Edge.Inverter;

internal sealed class InverterOptions
{
    public const string Section = "Inverter";

    /// <summary>Name or address of the inverter or of its WiNet-S. Required.</summary>
    public string Host { get; set; } = "";

    public int Port { get; set; } = 502;

    /// <summary>The Modbus unit ("slave address"): 1 unless an installer changed it; a cluster's second inverter may be 2.</summary>
    public int UnitId { get; set; } = 1;

    /// <summary>For the connection and for each whole reply. The vendor asks for at least one second of patience behind RS485.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Quiet after a reply before the next request.</summary>
    public TimeSpan RequestGap { get; set; }

    /// <summary>Zone of the inverter's own clock, for example <c>Europe/Berlin</c>. Null: this system's.</summary>
    public string? TimeZone { get; set; }
}

internal sealed class InverterOptionsValidator : IValidateOptions<InverterOptions>
{
    private static readonly TimeSpan ShortestTimeout = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestGap = TimeSpan.FromSeconds(10);

    public ValidateOptionsResult Validate(string? name, InverterOptions options)
    {
        List<string> wrong = [];
        Check("Host", options.Host, Uri.CheckHostName(options.Host) != UriHostNameType.Unknown,
            "a host name or an IP address without scheme or port, for example 192.168.1.20");
        Check("Port", options.Port.ToString(), options.Port is >= 1 and <= 65_535, "1 .. 65535");
        Check("UnitId", options.UnitId.ToString(), options.UnitId is >= 1 and <= 247, "1 .. 247");
        Check("RequestTimeout", options.RequestTimeout.ToString(),
            options.RequestTimeout >= ShortestTimeout && options.RequestTimeout <= LongestTimeout, "00:00:00.1 .. 00:01:00");
        Check("RequestGap", options.RequestGap.ToString(),
            options.RequestGap >= TimeSpan.Zero && options.RequestGap <= LongestGap, "00:00:00 .. 00:00:10");
        Check("TimeZone", options.TimeZone, options.TimeZone is null || TimeZoneInfo.TryFindSystemTimeZoneById(options.TimeZone, out _),
            "a zone's IANA name, for example Europe/Berlin");
        return wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(wrong);

        void Check(string setting, string? value, bool allowed, string form)
        {
            if (!allowed)
            {
                wrong.Add(Settings.Wrong($"{InverterOptions.Section}__{setting}", value, form));
            }
        }
    }
}
