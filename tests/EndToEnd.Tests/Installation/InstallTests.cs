using System.Text.Json;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Installation;

public sealed class InstallTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly string Built = Path.GetDirectoryName(Programs.Edge)!;

    private readonly ScratchRoot _machine = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _machine.Dispose();

    [Fact]
    public async Task The_installed_program_reads_an_inverter_into_the_installed_buffer()
    {
        await using var inverter = ProgramProcess.Start("dotnet", [Programs.Simulator, "--port", "0"]);
        var ready = (await inverter.LineAsync("listening ", cancellationToken: Cancelled)).Split(' ');
        (await InstallAsync("--host", "127.0.0.1", "--url", $"http://127.0.0.1:{FreePort.Next()}", "--token-file", _machine.TokenFile)).With(0);
        await File.AppendAllLinesAsync(
            _machine.Settings,
            ["", "# what an owner adds", $"Inverter__Port = is no setting for systemd", $"Inverter__Port=\"{ready[1].Split(':')[^1]}\"  ", "Clock__Trust=Always", "Polling__Interval='00:00:01'"],
            Cancelled);

        Assert.Contains(ready[3], (await _machine.EdgeAsync("probe")).With(0), StringComparison.Ordinal);
        var check = (await _machine.EdgeAsync("check")).With(1);
        Assert.Contains("ok   inverter", check, StringComparison.Ordinal);
        Assert.Contains("FAIL VPS", check, StringComparison.Ordinal);
        (await _machine.EdgeAsync("run", "--seconds", "2")).With(0);

        using var status = JsonDocument.Parse((await _machine.EdgeAsync("status", "--json")).With(0));
        Assert.Equal(_machine.Of("var/lib/sungrow-edge/buffer.db"), status.RootElement.GetProperty("path").GetString());
        Assert.InRange(status.RootElement.GetProperty("waiting").GetInt64(), 1, long.MaxValue);
    }

    [Fact]
    public async Task What_nobody_gave_is_named_and_asked_for_nobody()
    {
        var first = (await InstallAsync("--host", "192.168.1.20")).With(0);
        Assert.Contains("--url", first, StringComparison.Ordinal);
        Assert.Contains("--token-file", first, StringComparison.Ordinal);
        Assert.DoesNotContain("--host", first, StringComparison.Ordinal);

        var second = (await _machine.RunAsync(
            ["--from", Built], new Dictionary<string, string?> { ["Uplink__Url"] = "https://vps.example.net", ["Uplink__Token"] = ScratchRoot.Token })).With(0);
        Assert.DoesNotContain("missing", second, StringComparison.Ordinal);
        Assert.Equal(
            ["Inverter__Host=192.168.1.20", "Uplink__Url=https://vps.example.net"],
            File.ReadLines(_machine.Settings).Where(line => line.Length > 0 && line[0] != '#'));
        Assert.Equal(ScratchRoot.Token + "\n", await File.ReadAllTextAsync(_machine.Of("etc/sungrow-edge/token"), Cancelled));
        Assert.Equal(Private, File.GetUnixFileMode(_machine.Of("etc/sungrow-edge/token")));
    }

    [Fact]
    public async Task The_same_version_once_more_changes_nothing()
    {
        (await InstallAsync("--host", "192.168.1.20", "--token-file", _machine.TokenFile)).With(0);
        var before = _machine.Everything();

        Assert.Contains("installed already", (await InstallAsync("--host", "192.168.1.20")).With(0), StringComparison.Ordinal);

        Assert.Equal(before, _machine.Everything());
    }

    [Fact]
    public async Task An_upgrade_keeps_settings_token_and_buffer_and_can_be_taken_back()
    {
        (await _machine.InstallAsync(_machine.Published("one"), "--host", "192.168.1.20", "--token-file", _machine.TokenFile)).With(0);
        await File.AppendAllTextAsync(_machine.Settings, "Polling__Interval=00:00:30\n", Cancelled);
        await File.WriteAllTextAsync(_machine.Of("var/lib/sungrow-edge/buffer.db"), "samples", Cancelled);
        var (settings, first) = (await File.ReadAllTextAsync(_machine.Settings, Cancelled), _machine.Current!);

        (await _machine.InstallAsync(_machine.Published("two"))).With(0);
        var second = _machine.Current!;
        Assert.NotEqual(first, second);
        Assert.Equal(settings, await File.ReadAllTextAsync(_machine.Settings, Cancelled));
        Assert.Equal("samples", await File.ReadAllTextAsync(_machine.Of("var/lib/sungrow-edge/buffer.db"), Cancelled));
        Assert.Equal(ScratchRoot.Token + "\n", await File.ReadAllTextAsync(_machine.Of("etc/sungrow-edge/token"), Cancelled));

        (await _machine.RunAsync(["rollback"])).With(0);
        Assert.Equal(first, _machine.Current);
        (await _machine.RunAsync(["rollback"])).With(0);
        Assert.Equal(second, _machine.Current);

        // The card of a Pi is small: no more than what runs and the one before.
        (await _machine.InstallAsync(_machine.Published("three"))).With(0);
        Assert.Equal(new HashSet<string> { second, _machine.Current! }, _machine.Versions.ToHashSet());
    }

    [Fact]
    public async Task A_program_that_does_not_start_replaces_nothing()
    {
        (await InstallAsync()).With(0);
        var before = _machine.Everything();
        var broken = _machine.Published("broken");
        await File.WriteAllTextAsync(Path.Combine(broken, "sungrow-edge.dll"), "cut off in the middle", Cancelled);

        Assert.Contains("does not start", (await _machine.InstallAsync(broken)).With(1), StringComparison.Ordinal);

        Assert.Equal(before, _machine.Everything());
    }

    [Fact]
    public async Task A_further_inverter_has_settings_a_token_and_a_buffer_of_its_own()
    {
        (await InstallAsync("--host", "192.168.1.20", "--token-file", _machine.TokenFile)).With(0);
        (await InstallAsync("--instance", "garage", "--host", "192.168.1.21", "--url", $"http://127.0.0.1:{FreePort.Next()}", "--token-file", _machine.TokenFile)).With(0);

        Assert.Contains("Inverter__Host=192.168.1.20\n", await File.ReadAllTextAsync(_machine.Settings, Cancelled), StringComparison.Ordinal);
        Assert.Contains(
            "Inverter__Host=192.168.1.21\n", await File.ReadAllTextAsync(_machine.Of("etc/sungrow-edge/garage/edge.env"), Cancelled), StringComparison.Ordinal);
        Assert.Contains(
            _machine.Of("var/lib/sungrow-edge/garage/buffer.db"), (await _machine.EdgeAsync("@garage", "check", "--Inverter:Host=127.0.0.1")).With(1), StringComparison.Ordinal);
        (await _machine.EdgeAsync("@attic", "status")).With(2);
    }

    [Fact]
    public async Task Uninstalling_keeps_what_is_the_owner_s_until_told_to_purge()
    {
        (await InstallAsync("--host", "192.168.1.20", "--token-file", _machine.TokenFile)).With(0);
        await File.WriteAllTextAsync(_machine.Of("var/lib/sungrow-edge/buffer.db"), "samples", Cancelled);

        (await _machine.RunAsync(["uninstall"])).With(0);
        Assert.Equal(
            ["etc/sungrow-edge/edge.env", "etc/sungrow-edge/token", "var/lib/sungrow-edge/buffer.db"], _machine.Everything().Keys);

        (await InstallAsync()).With(0);
        (await _machine.RunAsync(["uninstall", "--purge"])).With(0);
        Assert.Empty(_machine.Everything());
    }

    /// <summary>Raspberry Pi OS has no .NET in apt. Microsoft's server is not asked here: what it would send stands in its place.</summary>
    [Fact]
    public async Task A_machine_without_dotnet_gets_it_from_Microsoft_s_installer_into_the_installation_alone()
    {
        var bin = Directory.CreateDirectory(_machine.Of("bin")).FullName;
        foreach (var tool in Directory.EnumerateFiles("/usr/bin").Where(path => Path.GetFileName(path) is not ("dotnet" or "curl")))
        {
            File.CreateSymbolicLink(Path.Combine(bin, Path.GetFileName(tool)), tool);
        }

        var real = Path.GetDirectoryName(new FileInfo(Binary("dotnet")).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? Binary("dotnet"))!;
        await ScriptAsync(Path.Combine(bin, "curl"), $$"""
            while [ "$1" != -o ]; do shift; done
            [ "$3" = https://dot.net/v1/dotnet-install.sh ] || exit 1
            echo 'echo "$*" > "{{_machine.Of("asked")}}"; ln -s {{real}} "$4"' > "$2"
            """);

        var path = new Dictionary<string, string?> { ["PATH"] = bin };
        (await _machine.RunAsync(["--from", Built], path)).With(0);

        Assert.Equal(
            $"--channel 10.0 --install-dir {_machine.Of("opt/sungrow-edge/dotnet")} --no-path --runtime dotnet\n",
            await File.ReadAllTextAsync(_machine.Of("asked"), Cancelled));
        await using var version = ProgramProcess.Start(_machine.Of("opt/sungrow-edge/current/sungrow-edge"), ["--version"], path);
        Assert.True(await version.ExitCodeAsync(cancellationToken: Cancelled) == 0, version.Output);

        await ScriptAsync(Path.Combine(bin, "curl"), "exit 6");
        Directory.Delete(_machine.Of("opt/sungrow-edge/dotnet"));
        Assert.Contains("dotnet-install.sh cannot be fetched", (await _machine.RunAsync(["--from", Built], path)).With(1), StringComparison.Ordinal);
    }

    /// <summary>Published for one kind of machine it is one file, which needs no .NET; a script stands in for its minute of compiling.</summary>
    [Fact]
    public async Task A_program_that_brings_its_runtime_is_started_as_it_is()
    {
        var published = Directory.CreateDirectory(_machine.Of("published")).FullName;
        await ScriptAsync(Path.Combine(published, "sungrow-edge"), "echo 1.2.3 of one file");

        (await _machine.InstallAsync(published)).With(0);

        Assert.StartsWith("versions/1.2.3", _machine.Current, StringComparison.Ordinal);
        Assert.Equal("1.2.3 of one file", (await _machine.EdgeAsync("--version")).With(0));
    }

    [Theory]
    [InlineData("--port", "502")]
    [InlineData("--host")]
    [InlineData("--instance", "../other")]
    [InlineData("--host", "two words")]
    [InlineData("--token-file", "/nowhere/token")]
    [InlineData("--token-file", "/dev/null")]
    [InlineData("--from", "/nowhere")]
    [InlineData("--purge")]
    public async Task A_wrong_word_ends_in_a_sentence(params string[] words)
    {
        // Those that are found late come with a program to install.
        var ended = words[0] == "--from" ? await _machine.RunAsync(words) : await InstallAsync(words);

        Assert.StartsWith("install.sh: ", ended.With(2).Split('\n')[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_version_before_there_is_no_way_back()
    {
        (await InstallAsync()).With(0);
        Assert.Contains("no version before", (await _machine.RunAsync(["rollback"])).With(1), StringComparison.Ordinal);
    }

    private static string Binary(string name) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(folder => Path.Combine(folder, name)).First(File.Exists);

    private static async Task ScriptAsync(string path, string text)
    {
        await File.WriteAllTextAsync(path, "#!/bin/bash\n" + text + "\n", Cancelled);
        File.SetUnixFileMode(path, (UnixFileMode)0b111_101_101);
    }

    private Task<Ended> InstallAsync(params string[] more) => _machine.InstallAsync(Built, more);
}
