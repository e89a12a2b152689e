using System.Buffers;
using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Shelly;

internal sealed class ShellyOptions
{
    public const string Section = "Shelly";

    /// <summary><c>INGEST_API_KEY</c>: what queue workers show; without it none is let in. Secret.</summary>
    public string IngestApiKey { get; set; } = "";
}

internal sealed class ShellyOptionsValidator : IValidateOptions<ShellyOptions>
{
    private const int LongestKey = 256;

    // What a header can carry without a question.
    private static readonly SearchValues<char> KeyCharacters =
        SearchValues.Create([.. Enumerable.Range('!', '~' - '!' + 1).Select(code => (char)code)]);

    public ValidateOptionsResult Validate(string? name, ShellyOptions options) =>
        options.IngestApiKey.Length <= LongestKey && !options.IngestApiKey.AsSpan().ContainsAnyExcept(KeyCharacters)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(Settings.WrongSecret(
                ShellyOptions.Section, nameof(options.IngestApiKey), "it cannot be sent in a header",
                $"1 to {LongestKey} visible ASCII characters"));
}
