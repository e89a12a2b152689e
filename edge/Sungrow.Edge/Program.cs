using System.CommandLine;
using Sungrow.Edge;
using Sungrow.Edge.Commands;

var root = new RootCommand("""
    Reads a Sungrow inverter over Modbus TCP, keeps every sample in a local buffer, and replays the buffer to your VPS.

    Settings come from appsettings.json, then the environment (Inverter__Host=192.168.1.20), then the command line
    (--Inverter:Host=192.168.1.20). The README lists them all.
    """);
RunCommand.AddTo(root);
root.Subcommands.Add(ProbeCommand.Create());
root.Subcommands.Add(CheckCommand.Create());
root.Subcommands.Add(StatusCommand.Create());
root.Subcommands.Add(ReplayCommand.Create());
root.Subcommands.Add(DeadLettersCommand.Create());
root.Subcommands.Add(ExportCommand.Create());
root.Subcommands.Add(ImportCommand.Create());

// Settings first: behind a command, one would be taken for the file or the number that the command asks for.
var parsed = root.Parse([.. args.OrderByDescending(Settings.IsSetting)]);

// No handling of signals by the parser: the host of 'run' does it, and the other commands may simply end.
return parsed.Errors.Count > 0
    ? Attempt.Refuse(parsed)
    : await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
