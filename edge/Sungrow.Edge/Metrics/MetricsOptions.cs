using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace Sungrow.Edge.Metrics;

internal sealed class MetricsOptions
{
    public const string Section = "Metrics";

    private const int FirstUnprivilegedPort = 1024;

    /// <summary>Where <c>/metrics</c> is served in Prometheus' text format, for example <c>http://127.0.0.1:9464</c>. Not set: nowhere.
    /// Nobody is asked for a token there, so the address must be this machine's own or one of a private network.</summary>
    public string? Url { get; set; }

    public string? Error() => Endpoint() is null && Url is not null
        ? Settings.Wrong("Metrics__Url", Url, "http:// with 127.0.0.1 or this machine's address in a private network, and a port from 1024 on")
        : null;

    /// <returns>Null where none, or none that is allowed, is set.</returns>
    public IPEndPoint? Endpoint() =>
        Uri.TryCreate(Url, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttp && url.Port >= FirstUnprivilegedPort
        && url.AbsolutePath is "/" or "/metrics" && url.Query.Length == 0 && url.UserInfo.Length == 0
        && Address(url) is { } address && IsPrivate(address)
            ? new(address, url.Port)
            : null;

    private static IPAddress? Address(Uri url) =>
        url.IdnHost == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(url.IdnHost, out var address) ? address : null;

    // RFC 1918, 3927, 6598 (also what overlay networks hand out); RFC 4193, 4291.
    private static bool IsPrivate(IPAddress address) => IPAddress.IsLoopback(address) || (address.AddressFamily == AddressFamily.InterNetwork
        ? address.GetAddressBytes() is [10, ..] or [172, >= 16 and < 32, ..] or [192, 168, ..] or [169, 254, ..] or [100, >= 64 and < 128, ..]
        : address.IsIPv6UniqueLocal || address.IsIPv6LinkLocal);
}

internal sealed class MetricsOptionsValidator : IValidateOptions<MetricsOptions>
{
    public ValidateOptionsResult Validate(string? name, MetricsOptions options) =>
        options.Error() is { } error ? ValidateOptionsResult.Fail(error) : ValidateOptionsResult.Success;
}
