using System.Net;
using System.Net.Sockets;
using Sungrow.Simulator.Faults;

namespace Sungrow.Simulator;

internal static class Program
{
    private const int Failed = 1;
    private const int WrongOption = 2;

    public static async Task<int> Main(string[] args)
    {
        var given = CommandLine.Create(RunAsync).Parse(args);
        if (given.Errors.Count > 0)
        {
            await Console.Error.WriteLineAsync($"{given.Errors[0].Message} See --help.");
            return WrongOption;
        }

        // Ctrl-C and SIGTERM cancel the run, which then has this long to close its sockets.
        return await given.InvokeAsync(new() { ProcessTerminationTimeout = TimeSpan.FromSeconds(5) });
    }

    private static async Task<int> RunAsync(Settings settings, CancellationToken stop)
    {
        var clock = new SimulatedClock(TimeProvider.System, settings.Start, settings.Speed);
        if (clock.Now < CommandLine.EarliestStart)
        {
            return Fail($"This computer's clock says {clock.Now:yyyy-MM-dd}: set it, or give --start.");
        }

        if (settings.Conflict is { } conflict)
        {
            return Fail(conflict);
        }

        var faults = new FaultSwitch(settings.FaultFile, Console.Error.WriteLine);
        faults.Set(settings.Faults);
        ServedLog? log = null;
        var inverters = new List<SimulatedInverter>();
        try
        {
            log = settings.Log is null ? null : ServedLog.Open(settings.Log);
            for (var device = 0; device < settings.Devices; device++)
            {
                inverters.Add(SimulatedInverter.Start(settings.Device(device), clock, log, faults));
            }

            foreach (var inverter in inverters)
            {
                Console.WriteLine($"listening {inverter.Endpoint} serial {inverter.Serial} unit {inverter.UnitId}");
            }

            return await UntilStoppedAsync(inverters, settings.RunFor, stop);
        }
        catch (UnauthorizedAccessException denied)
        {
            return Fail($"--log: {denied.Message} Allowed is the path of a file that can be written.");
        }
        catch (IOException unwritable)
        {
            return Fail($"--log: {unwritable.Message} Allowed is the path of a file that can be written.");
        }
        catch (SocketException refused)
        {
            var at = new IPEndPoint(settings.First.Bind, settings.Device(inverters.Count).Port);
            return Fail($"Cannot listen on {at}: {refused.Message}. Allowed is an own address and a free port; --port 0 takes one.");
        }
        finally
        {
            await Task.WhenAll(inverters.Select(inverter => inverter.DisposeAsync().AsTask()));
            log?.Dispose();
        }
    }

    /// <returns>The process's exit code: 0 when it ran its time or was asked to stop.</returns>
    private static async Task<int> UntilStoppedAsync(List<SimulatedInverter> inverters, TimeSpan? runFor, CancellationToken stop)
    {
        var over = Task.Delay(runFor ?? Timeout.InfiniteTimeSpan, TimeProvider.System, stop);
        var first = await Task.WhenAny([over, .. inverters.Select(inverter => inverter.Failure)]);
        if (first == over)
        {
            return 0;
        }

        if (first.Exception?.InnerException is IOException or SocketException)
        {
            return Fail($"Stopped: {first.Exception.InnerException.Message}");
        }

        await first;
        return Failed;
    }

    private static int Fail(string problem)
    {
        Console.Error.WriteLine(problem);
        return Failed;
    }
}
