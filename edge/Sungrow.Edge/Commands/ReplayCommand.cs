using System.CommandLine;
using Sungrow.Edge.Buffer;

namespace Sungrow.Edge.Commands;

/// <summary>Sends kept rows once more: the VPS stores those that it lacks, and knows the others.</summary>
internal static class ReplayCommand
{
    public static Command Create()
    {
        var from = TimeOption.Create("--from", "The first moment, included.");
        var to = TimeOption.Create("--to", "The last moment, not included.");
        from.Required = to.Required = true;
        var command = new Command("replay", "Send the samples of a time once more, as far as the buffer still keeps them.") { from, to };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, _) => Attempt.Async(parsed, settings =>
            Task.FromResult(Send(settings, new(parsed.GetValue(from)!.Value, parsed.GetValue(to)!.Value)))));
        return command;
    }

    private static int Send(string[] settings, Replay order) => order.From >= order.To
        ? Attempt.Refuse("--to must be later than --from.")
        : DeadLettersCommand.Give(
            settings,
            order,
            rows => rows == 0 ? "The buffer keeps no sample of that time." : $"{Count.Of(rows, "sample")} will go once more with the next run.");
}
