using System.Net.Mail;
using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Monitoring;

internal sealed class AlertsOptions
{
    public const string Section = "Alerts";

    /// <summary>Where alerts are posted as JSON. Blank: nowhere. Such an address is often a secret: never shown.</summary>
    public string WebhookUrl { get; set; } = "";

    /// <summary>The mail server. Blank: no mail.</summary>
    public string SmtpHost { get; set; } = "";

    public int SmtpPort { get; set; } = 587;

    /// <summary>STARTTLS; false only for a server of one's own machine.</summary>
    public bool SmtpTls { get; set; } = true;

    /// <summary>Blank: without signing in.</summary>
    public string SmtpUser { get; set; } = "";

    /// <summary>Secret.</summary>
    public string SmtpPassword { get; set; } = "";

    public string MailFrom { get; set; } = "";

    /// <summary>One address, or several with commas.</summary>
    public string MailTo { get; set; } = "";

    /// <summary>Beyond three poll intervals, how long a device may be silent.</summary>
    public TimeSpan SilentAfter { get; set; } = TimeSpan.FromMinutes(10);
}

internal sealed class AlertsOptionsValidator : IValidateOptions<AlertsOptions>
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMinutes(2); // Last seen is up to a minute behind.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(30);

    public ValidateOptionsResult Validate(string? name, AlertsOptions options)
    {
        List<string> wrong = [];
        if (options.WebhookUrl.Length > 0 && !(Uri.TryCreate(options.WebhookUrl, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"))
        {
            wrong.Add(Settings.WrongSecret(AlertsOptions.Section, nameof(options.WebhookUrl), "it is no address", "http:// or https://"));
        }

        if (options.SmtpPort is < 1 or > ushort.MaxValue)
        {
            wrong.Add(Settings.Wrong(AlertsOptions.Section, nameof(options.SmtpPort), options.SmtpPort, "1 .. 65535"));
        }

        if (options.SmtpHost.Length > 0)
        {
            CheckAddresses(nameof(options.MailFrom), options.MailFrom, most: 1);
            CheckAddresses(nameof(options.MailTo), options.MailTo, most: 20);
        }

        if (options.SilentAfter < Shortest || options.SilentAfter > Longest)
        {
            wrong.Add(Settings.Wrong(AlertsOptions.Section, nameof(options.SilentAfter), options.SilentAfter, "00:02:00 .. 30.00:00:00"));
        }

        return wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(wrong);

        void CheckAddresses(string property, string text, int most)
        {
            var addresses = text.Split(',', StringSplitOptions.TrimEntries);
            if (addresses.Length > most || !Array.TrueForAll(addresses, address => MailAddress.TryCreate(address, out _)))
            {
                wrong.Add(Settings.Wrong(
                    AlertsOptions.Section, property, text, most == 1 ? "a mail address, where Alerts__SmtpHost is set" : $"1 to {most} mail addresses with commas, where Alerts__SmtpHost is set"));
            }
        }
    }
}
