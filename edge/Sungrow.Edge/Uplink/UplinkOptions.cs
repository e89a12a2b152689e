using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Options;
using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

internal sealed class UplinkOptions
{
    public const string Section = "Uplink";

    private const string Hidden = "(hidden)";

    private static readonly TimeSpan ShortestTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromMinutes(10);

    /// <summary>The VPS, for example <c>https://sungrow.example.net</c>; a path in it is kept as a prefix.</summary>
    public string? Url { get; set; }

    /// <summary>The device's token. Better kept in a file: an environment shows in process lists.</summary>
    public string? Token { get; set; }

    /// <summary>A file that holds the token alone.</summary>
    public string? TokenFile { get; set; }

    /// <summary>PEM certificates to trust instead of the system's, for a VPS with an authority of its own.</summary>
    public string? CaFile { get; set; }

    /// <summary>Allows <c>http://</c> to another machine. The token then travels readable for everybody on the way.</summary>
    public bool AllowInsecureHttp { get; set; }

    /// <summary>Samples in one request, 1 to 5000.</summary>
    public int BatchSize { get; set; } = 500;

    /// <summary>For one request with its answer, 1 s to 10 min.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    public IEnumerable<string> Errors() =>
        new[] { UrlError(), TokenError(), CaFileError() }.OfType<string>().Concat(NumberErrors());

    /// <summary>The address that relative paths are added to.</summary>
    public Uri BaseAddress() => new(new Uri(Url!).AbsoluteUri.TrimEnd('/') + "/");

    /// <exception cref="IOException">The token's file went away since the start.</exception>
    public string ReadToken() => (TokenFile is null ? Token! : File.ReadAllText(TokenFile)).Trim();

    /// <summary>The token as its file holds it now; null where that cannot be read, or holds none.</summary>
    public string? TryReadToken()
    {
        try
        {
            return ReadToken() is var token && IsToken(token) ? token : null;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return null; // Just being replaced, perhaps: the token at hand stays.
        }
    }

    // Anything else cannot travel in a header.
    private static bool IsToken(string token) => token.Length > 0 && token.All(character => character is > ' ' and <= '~');

    private string? UrlError()
    {
        if (!Uri.TryCreate(Url, UriKind.Absolute, out var url) || url.Scheme is not ("https" or "http")
            || url.Query.Length > 0 || url.Fragment.Length > 0 || url.UserInfo.Length > 0)
        {
            // An address that may hold a password is not repeated.
            return Settings.Wrong("Uplink__Url", Url.AsSpan().ContainsAny('@', '?', '#') ? Hidden : Url,
                "https:// with a host, optionally a port and a path");
        }

        return url.Scheme == "http" && !url.IsLoopback && !AllowInsecureHttp
            ? Settings.Wrong("Uplink__Url", Url, "https://; http:// only to this machine, or with Uplink__AllowInsecureHttp=true")
            : null;
    }

    private string? TokenError()
    {
        if (Token is not null && TokenFile is not null)
        {
            return "Uplink__Token and Uplink__TokenFile are both set: allowed is one of them.";
        }

        if (Token is null && TokenFile is null)
        {
            return Settings.Wrong("Uplink__Token", null, "the device's token, or its file in Uplink__TokenFile");
        }

        try
        {
            return IsToken(ReadToken())
                ? null
                : $"{(TokenFile is null ? "Uplink__Token" : "Uplink__TokenFile")} holds no token: allowed is one word of printable ASCII.";
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            // Without a folder it may be the token itself.
            return Settings.Wrong("Uplink__TokenFile", TokenFile!.Contains('/', StringComparison.Ordinal) ? TokenFile : Hidden,
                "a file that exists and that this user may read");
        }
    }

    private string? CaFileError()
    {
        try
        {
            return CaFile is null || Certificates().Count > 0
                ? null
                : Settings.Wrong("Uplink__CaFile", CaFile, "a file with a PEM certificate in it");
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or CryptographicException)
        {
            return Settings.Wrong("Uplink__CaFile", CaFile, "a readable file of PEM certificates");
        }
    }

    public X509Certificate2Collection Certificates()
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPemFile(CaFile!);
        return certificates;
    }

    private IEnumerable<string> NumberErrors()
    {
        if (BatchSize is < 1 or > ProtocolLimits.MaxSamples)
        {
            yield return Settings.Wrong("Uplink__BatchSize", BatchSize, $"1 to {ProtocolLimits.MaxSamples}");
        }

        if (Timeout < ShortestTimeout || Timeout > LongestTimeout)
        {
            yield return Settings.Wrong("Uplink__Timeout", Timeout, "00:00:01 to 00:10:00");
        }
    }
}

internal sealed class UplinkOptionsValidator : IValidateOptions<UplinkOptions>
{
    public ValidateOptionsResult Validate(string? name, UplinkOptions options) =>
        options.Errors().ToList() is { Count: > 0 } errors ? ValidateOptionsResult.Fail(errors) : ValidateOptionsResult.Success;
}
