using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Inverter;
using Sungrow.Edge.Polling;
using Sungrow.Edge.Uplink;
using Sungrow.Protocol;

namespace Sungrow.Edge.Commands;

/// <summary>Looks at everything a sample passes, one line each with what to do; exit code 0 only if all is well.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var command = new Command("check", "Look at inverter, buffer, clock, VPS, token and device id, and say what to do.");
        var acceptSerial = new Option<bool>("--accept-serial")
        {
            Description = "With Device__Id set: the inverter that answers now is the one whose samples these are, from now on.",
        };
        command.Options.Add(acceptSerial);
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, cancellationToken) =>
            Attempt.Async(parsed, settings => CheckAsync(settings, parsed.GetValue(acceptSerial), cancellationToken)));
        return command;
    }

    private static async Task<int> CheckAsync(string[] settings, bool acceptSerial, CancellationToken cancellationToken)
    {
        using var host = EdgeHost.Build(settings);
        var services = host.Services;
        services.GetRequiredService<IStartupValidator>().Validate();

        var inverter = await services.GetRequiredService<InverterReader>().PollAsync(cancellationToken);
        var whoAmI = await services.GetRequiredService<IIngestApi>().WhoAmIAsync(cancellationToken);
        var deviceId = services.GetRequiredService<IOptions<DeviceOptions>>().Value.Id ?? (inverter as Polled)?.Identity.Serial;

        var allWell = true;
        Line("inverter", inverter is Polled, inverter switch
        {
            Polled polled => $"{polled.Identity.Model}, serial {polled.Identity.Serial}",
            Unreachable unreachable => unreachable.Sentence,
            _ => "",
        });
        if (inverter is Polled { Identity: var identity })
        {
            var (serialWell, serial) = Serial(services, identity, acceptSerial);
            Line("serial", serialWell, serial);
        }

        foreach (var (name, well, text) in Buffer(services.GetRequiredService<IOptions<BufferOptions>>().Value))
        {
            Line(name, well, text);
        }

        var clockWell = services.GetRequiredService<ClockTrust>().IsTrusted();
        Line("clock", clockWell, clockWell
            ? "trusted"
            : "nobody vouches for it: let systemd-timesyncd or chrony run (until then samples wait without a time)");
        Line("VPS", whoAmI is not NoAnswer<WhoAmI>, whoAmI is NoAnswer<WhoAmI>(var sentence) ? sentence : "reachable");
        if (whoAmI is not NoAnswer<WhoAmI>)
        {
            Line("token", whoAmI is Answered<WhoAmI>, whoAmI is Refused<WhoAmI>(var status, var problem, _)
                ? $"refused with {status} {problem.Code}: ask the VPS's operator for this device's token"
                : "accepted");
        }

        if (whoAmI is Answered<WhoAmI>(var known) && deviceId is not null)
        {
            Line("device id", known.DeviceId == deviceId, known.DeviceId == deviceId
                ? $"{deviceId}, site {known.Tenant}/{known.Site}"
                : $"the samples are of {deviceId}, the token is of {known.DeviceId}: set Device__Id, or use that device's token");
        }

        return allWell ? 0 : 1;

        void Line(string name, bool well, string text)
        {
            allWell &= well;
            var line = $"{(well ? "ok  " : "FAIL")} {name,-10} {text}";
            foreach (var part in Console.IsOutputRedirected ? [line] : ProbeTable.Wrapped(line, indent: 16))
            {
                Console.WriteLine(part);
            }
        }
    }

    private static (bool Well, string Text) Serial(IServiceProvider services, InverterIdentity identity, bool accept)
    {
        var ownership = services.GetRequiredService<Ownership>();
        if (services.GetRequiredService<IOptions<DeviceOptions>>().Value.Id is not { } id)
        {
            return ownership.Refuse(identity) is { } malformed ? (false, malformed) : (true, $"{identity.Serial} is the device id of its samples");
        }

        if (accept)
        {
            return ownership.Accept(identity) is { } failure ? (false, failure) : (true, $"{identity.Serial} is accepted for {id}");
        }

        return ownership.Look(identity) is { } refusal ? (false, refusal) : (true, $"{identity.Serial} is the inverter of {id}");
    }

    private static List<(string Name, bool Well, string Text)> Buffer(BufferOptions options)
    {
        StatusReport status;
        try
        {
            status = StatusReport.From(options);
        }
        catch (BufferUnavailableException) when (!File.Exists(options.Path) && Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(options.Path))))
        {
            return [("buffer", true, $"{options.Path} will be made by the first run")];
        }
        catch (BufferUnavailableException unavailable)
        {
            return [("buffer", false, unavailable.Message)];
        }

        List<(string Name, bool Well, string Text)> lines = [("buffer", true, $"{options.Path}, {status.Waiting} samples wait")];
        if (status.Brake is { } brake)
        {
            lines.Add(("brake", false, $"on, as the VPS refused too many samples with {brake.Code}: mend it, then 'dead-letters release'"));
        }

        if (status.DeadLettersByCode.Count > 0)
        {
            lines.Add(("dead", false, $"{status.DeadLettersByCode.Sum(code => code.Rows)} samples were refused: see 'dead-letters list', then retry or drop them"));
        }

        var evicts = status.FreeBytes < options.MinFreeBytes;
        lines.Add(("space", !evicts, evicts
            ? $"{StatusTable.Bytes(status.FreeBytes)} free, less than Buffer__MinFreeBytes: make room, the oldest samples go for the newest"
            : $"{StatusTable.Bytes(status.FreeBytes)} free on the disk"));
        return lines;
    }
}
