using System.CommandLine;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;

namespace Sungrow.Edge.Commands;

/// <summary>Runs a command's work; every failure that is somebody's to mend ends in one line on standard error, without a stack
/// trace. Exit code 1: it failed; 2: a wrong setting or word.</summary>
internal static class Attempt
{
    private const int Failed = 1;
    private const int WrongSetting = 2;

    /// <summary>Says what was wrong with the words of the command line themselves.</summary>
    public static int Refuse(ParseResult parsed) => Fail(WrongSetting, [.. parsed.Errors.Select(error => error.Message)]);

    /// <summary>Says what is wrong with what was asked.</summary>
    public static int Refuse(string sentence) => Fail(WrongSetting, sentence);

    public static async Task<int> Async(ParseResult parsed, Func<string[], Task<int>> work)
    {
        if (parsed.UnmatchedTokens.FirstOrDefault(word => !Settings.IsSetting(word)) is { } unknown)
        {
            // Without what follows '=': it may be a secret.
            var name = unknown.Split('=')[0];
            return Fail(WrongSetting, $"'{name}' is neither a command nor a setting like --Polling:Interval=00:00:10: see --help.");
        }

        try
        {
            return await work([.. parsed.UnmatchedTokens]);
        }
        catch (OptionsValidationException wrong)
        {
            return Fail(WrongSetting, [.. wrong.Failures]);
        }
        catch (AggregateException several) when (several.InnerExceptions.All(inner => inner is OptionsValidationException))
        {
            return Fail(WrongSetting, [.. several.InnerExceptions.Cast<OptionsValidationException>().SelectMany(wrong => wrong.Failures)]);
        }
        catch (BufferUnavailableException unavailable)
        {
            return Fail(Failed, unavailable.Message);
        }
    }

    /// <summary>Says what failed.</summary>
    public static int Fail(string sentence) => Fail(Failed, sentence);

    private static int Fail(int code, params string[] lines)
    {
        foreach (var line in lines)
        {
            Complaint.Say(line);
        }

        return code;
    }
}
