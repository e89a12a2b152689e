using Sungrow.Edge.Tests.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Commands;

public sealed class CheckTests : IDisposable
{
    private const int Deadline = 120_000;

    private readonly TempFolder _folder = new();

    [Fact(Timeout = Deadline)]
    public async Task A_serial_number_is_accepted_only_when_asked_to()
    {
        await using var server = new RegisterServer(Words.Sh10Rt());
        var settings = EdgeProgram.Settings(_folder);
        settings["Inverter__Port"] = $"{server.Port}";
        settings["Device__Id"] = "house";
        var file = _folder.File("buffer.db.serial");
        await File.WriteAllTextAsync(file, "A2340567890\n", TestContext.Current.CancellationToken);

        var held = Line(await EdgeProgram.RunAsync(settings, "check"));
        Assert.Contains("FAIL", held);
        Assert.Contains("serial number A2340567890, but SH10RT A2290112345 answers", held);
        Assert.Contains("check --accept-serial", held);
        Assert.Equal("A2340567890", File.ReadAllText(file).Trim());

        Assert.EndsWith("A2290112345 is accepted for house", Line(await EdgeProgram.RunAsync(settings, "check", "--accept-serial")), StringComparison.Ordinal);
        Assert.Equal("A2290112345", File.ReadAllText(file).Trim());
        Assert.EndsWith("A2290112345 is the inverter of house", Line(await EdgeProgram.RunAsync(settings, "check")), StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static string Line(EdgeProgram.Ended ended) =>
        string.Join(' ', ended.Lines.SkipWhile(line => !line.Contains(" serial  ", StringComparison.Ordinal))
            .TakeWhile(line => !line.Contains(" buffer  ", StringComparison.Ordinal)).Select(line => line.Trim()));
}
