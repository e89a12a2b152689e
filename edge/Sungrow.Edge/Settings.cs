using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Inverter;
using Sungrow.Edge.Metrics;
using Sungrow.Edge.Polling;
using Sungrow.Edge.Uplink;

namespace Sungrow.Edge;

/// <summary>Settings come from <c>appsettings.json</c>, then the environment (<c>Polling__Interval</c>), then the command line
/// (<c>--Polling:Interval</c>). A blank one is as good as none. A wrong one ends in one line: its name, its value, what is
/// allowed.</summary>
internal static class Settings
{
    // What a trimmed build must keep of an options class.
    private const DynamicallyAccessedMemberTypes Members =
        DynamicallyAccessedMemberTypes.PublicProperties | DynamicallyAccessedMemberTypes.PublicParameterlessConstructor;

    private const string FileName = "appsettings.json";
    private const string Logging = "Logging";

    private static readonly string[] Sections =
    [
        InverterOptions.Section, DeviceOptions.Section, PollingOptions.Section, ClockOptions.Section, BufferOptions.Section, UplinkOptions.Section,
        MetricsOptions.Section, Logging,
    ];

    /// <summary>Whether a word of the command line is a setting: <c>--Section:Name=value</c>.</summary>
    public static bool IsSetting(string word) =>
        word.Contains('=', StringComparison.Ordinal)
        && Array.Exists(Sections, section => word.StartsWith($"--{section}:", StringComparison.OrdinalIgnoreCase));

    /// <param name="words">The settings of the command line.</param>
    /// <exception cref="OptionsValidationException">The file cannot be read, or a log level is none.</exception>
    public static void Load(ConfigurationManager configuration, string[] words)
    {
        try
        {
            configuration.AddJsonFile(FileName, optional: true, reloadOnChange: false);
        }
        catch (Exception unreadable) when (unreadable is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            // Not the exception's own text, which may quote a token from the file.
            var place = unreadable.GetBaseException() is JsonException { LineNumber: { } line } ? $" from line {line + 1} on" : "";
            throw new OptionsValidationException(
                FileName, typeof(IConfiguration), [$"{FileName} cannot be read{place}: allowed is a JSON object of sections."]);
        }

        configuration.AddEnvironmentVariables().AddCommandLine(words);
        var wrong = configuration.GetSection(Logging).AsEnumerable()
            .Where(setting => setting.Key.Contains(":LogLevel:", StringComparison.OrdinalIgnoreCase) && !string.IsNullOrEmpty(setting.Value)
                && !Enum.TryParse<LogLevel>(setting.Value, ignoreCase: true, out _))
            .Select(setting => Wrong(
                setting.Key.Replace(":", "__", StringComparison.Ordinal), setting.Value, string.Join(", ", Enum.GetNames<LogLevel>())))
            .ToList();
        if (wrong.Count > 0)
        {
            throw new OptionsValidationException(Logging, typeof(LogLevel), wrong);
        }
    }

    public static IServiceCollection AddSettings(this IServiceCollection services, IConfiguration configuration)
    {
        Add<InverterOptions, InverterOptionsValidator>(InverterOptions.Section, static (section, options) => section.Bind(options));
        Add<DeviceOptions, DeviceOptionsValidator>(DeviceOptions.Section, static (section, options) => section.Bind(options));
        Add<PollingOptions, PollingOptionsValidator>(PollingOptions.Section, static (section, options) => section.Bind(options));
        Add<ClockOptions, ClockOptionsValidator>(ClockOptions.Section, static (section, options) => section.Bind(options));
        Add<BufferOptions, BufferOptionsValidator>(BufferOptions.Section, static (section, options) => section.Bind(options));
        Add<UplinkOptions, UplinkOptionsValidator>(UplinkOptions.Section, static (section, options) => section.Bind(options));
        Add<MetricsOptions, MetricsOptionsValidator>(MetricsOptions.Section, static (section, options) => section.Bind(options));
        return services;

        // The bind calls stand above with their types, because the binding generator works on calls that name them.
        void Add<[DynamicallyAccessedMembers(Members)] TOptions,
            [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TValidator>(
            string name, Action<IConfiguration, TOptions> bind)
            where TOptions : class
            where TValidator : class, IValidateOptions<TOptions>
        {
            services.AddSingleton<IValidateOptions<TOptions>, TValidator>();
            services.AddOptions<TOptions>().Configure(options =>
            {
                var section = WithoutBlanks(configuration.GetSection(name));
                RefuseUnknown<TOptions>(name, section);
                try
                {
                    bind(section, options);
                }
                catch (InvalidOperationException)
                {
                    throw new OptionsValidationException(name, typeof(TOptions), [.. Unreadable<TOptions>(name, section)]);
                }
            }).ValidateOnStart();
        }
    }

    /// <summary>The one form of a complaint about a setting.</summary>
    /// <param name="value">Null for a secret, or where none is set.</param>
    public static string Wrong(string name, object? value, string allowed) =>
        $"{name} is {(string.IsNullOrEmpty(value?.ToString()) ? "not set" : $"'{value}'")}: allowed is {allowed}.";

    private static IConfigurationRoot WithoutBlanks(IConfigurationSection section) => new ConfigurationBuilder()
        .AddInMemoryCollection(section.AsEnumerable(makePathsRelative: true).Where(setting => !string.IsNullOrWhiteSpace(setting.Value)))
        .Build();

    // A misspelt setting that is silently ignored looks like one that does not work.
    private static void RefuseUnknown<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] TOptions>(
        string name, IConfiguration section)
    {
        var known = typeof(TOptions).GetProperties().Select(property => property.Name).ToList();
        var unknown = section.GetChildren().Where(child => !known.Contains(child.Key, StringComparer.OrdinalIgnoreCase)).ToList();
        if (unknown.Count > 0)
        {
            var others = string.Join(", ", known);
            throw new OptionsValidationException(
                name, typeof(TOptions), unknown.Select(child => $"{name}__{child.Key} is no setting: {name} has {others}."));
        }
    }

    private static IEnumerable<string> Unreadable<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] TOptions>(
        string name, IConfiguration section)
    {
        foreach (var property in typeof(TOptions).GetProperties())
        {
            if (section[property.Name] is { } value && Form(property.PropertyType, value) is { } form)
            {
                yield return Wrong($"{name}__{property.Name}", value, form);
            }
        }
    }

    // Null where the value can be read.
    private static string? Form(Type type, string value) =>
        type == typeof(TimeSpan) && !TimeSpan.TryParse(value, out _) ? "a time span, for example 00:00:10"
        : (type == typeof(int) && !int.TryParse(value, out _)) || (type == typeof(long) && !long.TryParse(value, out _)) ? "a whole number"
        : type == typeof(bool) && !bool.TryParse(value, out _) ? "true or false"
        : null;
}
