using System.CommandLine;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Inverter;
using Sungrow.Edge.Polling;
using Sungrow.Edge.Uplink;
using Sungrow.Protocol;

namespace Sungrow.Edge.Commands;

/// <summary>Who is there and what it serves: at most five requests over one connection. Needs no setting but the host.</summary>
internal static class ProbeCommand
{
    private const int Failed = 1;

    public static Command Create()
    {
        var host = new Option<string?>("--host") { Description = "Name or address of the inverter (Inverter__Host)." };
        var port = new Option<string?>("--port") { Description = "Its Modbus TCP port (Inverter__Port, 502 unless changed)." };
        var unit = new Option<string?>("--unit") { Description = "Its unit id (Inverter__UnitId, 1 unless changed)." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var uplink = new Option<bool>("--uplink") { Description = "Ask the VPS as well whether its token is of this inverter." };
        var command = new Command("probe", "Identify the inverter and read it once.") { host, port, unit, json, uplink };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, cancellationToken) => Attempt.Async(parsed, settings => ProbeAsync(
            [
                .. settings,
                .. Setting("Host", parsed.GetValue(host)),
                .. Setting("Port", parsed.GetValue(port)),
                .. Setting("UnitId", parsed.GetValue(unit)),
            ],
            parsed.GetValue(json),
            parsed.GetValue(uplink),
            cancellationToken)));
        return command;

        static IEnumerable<string> Setting(string name, string? value) =>
            value is null ? [] : [$"--{InverterOptions.Section}:{name}={value}"];
    }

    private static async Task<int> ProbeAsync(string[] settings, bool json, bool uplink, CancellationToken cancellationToken)
    {
        using var host = EdgeHost.Build(settings);
        var options = host.Services.GetRequiredService<IOptions<InverterOptions>>();
        var device = host.Services.GetRequiredService<IOptions<DeviceOptions>>().Value;
        var time = host.Services.GetRequiredService<TimeProvider>();
        var ts = time.GetUtcNow();

        // No logger: what it would say stands in the report.
        await using var reader = new InverterReader(options, time, NullLogger<InverterReader>.Instance);
        var result = await reader.PollAsync(cancellationToken);
        if (result is not Polled polled)
        {
            return Attempt.Fail(await SentenceAsync((Unreachable)result, options.Value, time, cancellationToken));
        }

        var report = ProbeReport.From(polled, device.Id, ts);
        if (uplink)
        {
            report = report with { Uplink = await AskVpsAsync(host.Services, report.DeviceId, cancellationToken) };
        }

        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(report, ProbeJson.Default.ProbeReport));
        }
        else
        {
            foreach (var line in ProbeTable.Lines(report, polled))
            {
                Console.WriteLine(line);
            }
        }

        return polled.Reading.IsEmpty ? Attempt.Fail("The inverter answered, but with no value at all.")
            : report.Uplink is null or { Ok: true } ? 0
            : json ? Attempt.Fail(report.Uplink.Sentence)
            : Failed; // The table has said it.
    }

    // A dongle that encrypts takes plain questions for noise: whether it is one is worth one more question.
    private static async Task<string> SentenceAsync(
        Unreachable failed, InverterOptions options, TimeProvider time, CancellationToken cancellationToken) =>
        failed.Reason is UnreachableReason.Silent or UnreachableReason.Closed or UnreachableReason.NotModbus
        && await EncryptedDongle.AnswersAsync(options, time, cancellationToken)
            ? UnreachableSentences.For(UnreachableReason.Encrypted, null, options)
            : failed.Sentence;

    private static async Task<ProbeUplink> AskVpsAsync(IServiceProvider services, string? deviceId, CancellationToken cancellationToken) =>
        await services.GetRequiredService<IIngestApi>().WhoAmIAsync(cancellationToken) switch
        {
            Answered<WhoAmI>(var known) when known.DeviceId == deviceId =>
                new(true, known.DeviceId, $"the token is of {known.DeviceId}, site {known.Tenant}/{known.Site}"),
            Answered<WhoAmI>(var known) => new(
                false, known.DeviceId, $"the samples are of {deviceId ?? "nobody"}, the token is of {known.DeviceId}: set Device__Id, or use that device's token."),
            Refused<WhoAmI>(var status, var problem, _) =>
                new(false, null, $"the VPS refused with {status} {problem.Code}: ask its operator for this device's token."),
            NoAnswer<WhoAmI>(var sentence) => new(false, null, sentence),
            var other => throw new InvalidOperationException($"An answer of no kind: {other.GetType()}."),
        };
}
