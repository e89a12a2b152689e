using System.Net;
using System.Net.Mail;
using System.Net.Mime;
using System.Text.Json;
using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Monitoring;

/// <summary>A way to a person.</summary>
/// <param name="SendAsync">Throws where it was not taken.</param>
internal sealed record AlertChannel(string Name, Func<Alert, CancellationToken, Task> SendAsync);

/// <summary>The ways that are set up. Each takes an alert within <see cref="Timeout"/>, or has not taken it.</summary>
internal sealed class AlertChannels : IDisposable
{
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    private readonly AlertsOptions _options;
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = Timeout };

    public AlertChannels(IOptions<AlertsOptions> options)
    {
        _options = options.Value;
        List<AlertChannel> all = [];
        if (_options.WebhookUrl.Length > 0)
        {
            all.Add(new("webhook", PostAsync));
        }

        if (_options.SmtpHost.Length > 0)
        {
            all.Add(new("mail", MailAsync));
        }

        All = all;
    }

    public IReadOnlyList<AlertChannel> All { get; }

    public void Dispose() => _http.Dispose();

    private async Task PostAsync(Alert alert, CancellationToken cancellationToken)
    {
        using var body = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(alert, AlertJson.Default.Alert));
        body.Headers.ContentType = new(MediaTypeNames.Application.Json);
        using var answer = await _http.PostAsync(_options.WebhookUrl, body, cancellationToken);
        if (!answer.IsSuccessStatusCode)
        {
            throw new HttpRequestException($"answered {(int)answer.StatusCode}");
        }
    }

    private async Task MailAsync(Alert alert, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(Timeout, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        using var mail = new MailMessage { From = new(_options.MailFrom), Subject = $"Sungrow: {alert.Text.Split(':')[0].TrimEnd('.')}", Body = alert.Text };
        mail.To.Add(_options.MailTo);
        using var smtp = new SmtpClient(_options.SmtpHost, _options.SmtpPort) { EnableSsl = _options.SmtpTls };
        if (_options.SmtpUser.Length > 0)
        {
            smtp.Credentials = new NetworkCredential(_options.SmtpUser, _options.SmtpPassword);
        }

        await smtp.SendMailAsync(mail, either.Token);
    }
}
