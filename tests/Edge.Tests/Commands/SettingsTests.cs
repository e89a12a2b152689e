using Xunit;

namespace Sungrow.Edge.Tests.Commands;

public sealed class SettingsTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Dictionary<string, string?> _settings;

    public SettingsTests() => _settings = EdgeProgram.Settings(_folder);

    [Theory]
    [InlineData("Inverter__Host", null, "Inverter__Host is not set: allowed is a host name")]
    [InlineData("Inverter__Host", "http://192.168.1.20", "Inverter__Host is 'http://192.168.1.20': allowed is a host name")]
    [InlineData("Inverter__Host", "two words", "Inverter__Host is 'two words': allowed is")]
    [InlineData("Inverter__Port", "0", "Inverter__Port is '0': allowed is 1")]
    [InlineData("Inverter__Port", "65536", "Inverter__Port is '65536': allowed is 1")]
    [InlineData("Inverter__Port", "modbus", "Inverter__Port is 'modbus': allowed is a whole number.")]
    [InlineData("Inverter__UnitId", "248", "Inverter__UnitId is '248': allowed is 1")]
    [InlineData("Inverter__RequestTimeout", "soon", "Inverter__RequestTimeout is 'soon': allowed is a time span, for example")]
    [InlineData("Inverter__RequestTimeout", "00:00:00", "Inverter__RequestTimeout is '00:00:00': allowed is")]
    [InlineData("Inverter__TimeZone", "Mars/Olympus", "Inverter__TimeZone is 'Mars/Olympus': allowed is")]
    [InlineData("Polling__Interval", "00:00:00.5", "Polling__Interval is '00:00:00.5000000': allowed is 00:00:01 to 01:00:00.")]
    [InlineData("Polling__Interval", "01:00:01", "Polling__Interval is '01:00:01': allowed is 00:00:01 to 01:00:00.")]
    [InlineData("Polling__Interval", "10s", "Polling__Interval is '10s': allowed is a time span, for example 00:00:10.")]
    [InlineData("Polling__Interval", "99:99:99", "Polling__Interval is '99:99:99': allowed is a time span, for example 00:00:10.")]
    [InlineData("Polling__SamplesPerRow", "0", "Polling__SamplesPerRow is '0': allowed is 1 to 3600.")]
    [InlineData("Polling__SamplesPerRow", "3600", "Polling__SamplesPerRow is '3600': allowed is 1 h in all, at most 1800")]
    [InlineData("Polling__SamplesPerRow", "1.5", "Polling__SamplesPerRow is '1.5': allowed is a whole number.")]
    [InlineData("Polling__Intervall", "00:00:10", "Polling__Intervall is no setting: Polling has Interval, SamplesPerRow.")]
    [InlineData("Device__Id", "house no 7", "Device__Id is 'house no 7': allowed is 1 to 64 of A-Z a-z 0-9 . _ -.")]
    [InlineData("Buffer__Path", "/", "Buffer__Path is '/': allowed is the path of a file")]
    [InlineData("Uplink__Url", null, "Uplink__Url is not set: allowed is https://")]
    [InlineData("Uplink__Url", "vps.example.net", "Uplink__Url is 'vps.example.net': allowed is https://")]
    [InlineData("Uplink__Url", "vps.example.net:443", "Uplink__Url is 'vps.example.net:443': allowed is https://")]
    [InlineData("Uplink__Url", "ftp://vps.example.net", "Uplink__Url is 'ftp://vps.example.net': allowed is https://")]
    [InlineData("Uplink__Url", "https://", "Uplink__Url is 'https://': allowed is https://")]
    [InlineData("Uplink__Url", "/srv", "Uplink__Url is '/srv': allowed is https://")]
    [InlineData("Uplink__Url", "http://vps.example.net", "Uplink__Url is 'http://vps.example.net': allowed is https://; http:// only")]
    [InlineData("Uplink__Url", $"https://edge:{EdgeProgram.Secret}@vps.example.net", "Uplink__Url is '(hidden)': allowed is https://")]
    [InlineData("Uplink__Url", $"https://vps.example.net/?token={EdgeProgram.Secret}", "Uplink__Url is '(hidden)': allowed is https://")]
    [InlineData("Uplink__Url", $"https://vps.example.net/#{EdgeProgram.Secret}", "Uplink__Url is '(hidden)': allowed is https://")]
    [InlineData("Uplink__Token", null, "Uplink__Token is not set: allowed is the device's token, or its file in Uplink__TokenFile.")]
    [InlineData("Uplink__Token", "", "Uplink__Token is not set: allowed is the device's token, or its file in Uplink__TokenFile.")]
    [InlineData("Uplink__Token", $"Bearer {EdgeProgram.Secret}", "Uplink__Token holds no token: allowed is one word of printable ASCII.")]
    [InlineData("Uplink__Token", $"{EdgeProgram.Secret}\u00fc", "Uplink__Token holds no token: allowed is one word of printable ASCII.")]
    [InlineData("Uplink__TokenFile", "/etc/hostname", "Uplink__Token and Uplink__TokenFile are both set: allowed is one of them.")]
    [InlineData("Uplink__CaFile", "/no/such/ca.pem", "Uplink__CaFile is '/no/such/ca.pem': allowed is a readable file of PEM")]
    [InlineData("Uplink__CaFile", "/etc/hostname", "Uplink__CaFile is '/etc/hostname': allowed is a file with a PEM certificate in it.")]
    [InlineData("Uplink__CaFile", "/etc", "Uplink__CaFile is '/etc': allowed is a readable file of PEM certificates.")]
    [InlineData("Uplink__AllowInsecureHttp", "yes", "Uplink__AllowInsecureHttp is 'yes': allowed is true or false.")]
    [InlineData("Uplink__BatchSize", "0", "Uplink__BatchSize is '0': allowed is 1 to 5000.")]
    [InlineData("Uplink__BatchSize", "5001", "Uplink__BatchSize is '5001': allowed is 1 to 5000.")]
    [InlineData("Uplink__Timeout", "00:00:00", "Uplink__Timeout is '00:00:00': allowed is 00:00:01 to 00:10:00.")]
    [InlineData("Metrics__Url", "http://0.0.0.0:9464", "Metrics__Url is 'http://0.0.0.0:9464': allowed is http:// with 127.0.0.1 or")]
    [InlineData("Metrics__Url", "http://8.8.8.8:9464", "Metrics__Url is 'http://8.8.8.8:9464': allowed is")]
    [InlineData("Metrics__Url", "http://172.32.0.1:9464", "Metrics__Url is 'http://172.32.0.1:9464': allowed is")]
    [InlineData("Metrics__Url", "http://pi.local:9464", "Metrics__Url is 'http://pi.local:9464': allowed is")]
    [InlineData("Metrics__Url", "https://127.0.0.1:9464", "Metrics__Url is 'https://127.0.0.1:9464': allowed is")]
    [InlineData("Metrics__Url", "http://127.0.0.1", "Metrics__Url is 'http://127.0.0.1': allowed is")]
    [InlineData("Metrics__Url", "http://127.0.0.1:9464/numbers", "Metrics__Url is 'http://127.0.0.1:9464/numbers': allowed is")]
    [InlineData("Metrics__Url", "9464", "Metrics__Url is '9464': allowed is")]
    [InlineData("Logging__LogLevel__Default", "Loud", "Logging__LogLevel__Default is 'Loud': allowed is")]
    public async Task A_wrong_setting_is_one_line_with_its_name_its_value_and_what_is_allowed(string name, string? value, string line)
    {
        _settings[name] = value;

        Assert.StartsWith(line, (await EdgeProgram.RunAsync(_settings)).Refusal(exitCode: 2), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/no/such/file", "Uplink__TokenFile is '/no/such/file': allowed is a file that exists and that this user may read.")]
    [InlineData("/etc", "Uplink__TokenFile is '/etc': allowed is a file that exists and that this user may read.")]
    [InlineData(EdgeProgram.Secret, "Uplink__TokenFile is '(hidden)': allowed is a file that exists and that this user may read.")]
    [InlineData("blank", "Uplink__TokenFile holds no token: allowed is one word of printable ASCII.")]
    [InlineData("lines", "Uplink__TokenFile holds no token: allowed is one word of printable ASCII.")]
    public async Task A_wrong_token_file_is_one_line(string file, string line)
    {
        _settings["Uplink__Token"] = null;
        _settings["Uplink__TokenFile"] = file is "blank" or "lines" ? _folder.File(file) : file;
        File.WriteAllText(_folder.File("blank"), " \n");
        File.WriteAllText(_folder.File("lines"), $"{EdgeProgram.Secret}\n{EdgeProgram.Secret}\n");

        Assert.Equal(line, (await EdgeProgram.RunAsync(_settings)).Refusal(exitCode: 2));
    }

    [Fact]
    public async Task Several_wrong_settings_are_several_lines()
    {
        _settings["Inverter__Port"] = "0";
        _settings["Polling__Interval"] = "00:00:00";
        _settings["Polling__SamplesPerRow"] = "4000";
        _settings["Uplink__Url"] = null;
        _settings["Uplink__BatchSize"] = "0";

        var ended = await EdgeProgram.RunAsync(_settings);

        Assert.Equal(2, ended.ExitCode);
        Assert.Equal(
            ["Inverter__Port", "Polling__Interval", "Polling__SamplesPerRow", "Uplink__BatchSize", "Uplink__Url"],
            ended.Lines.Select(line => line.Split(' ')[1]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_wrong_setting_makes_no_buffer()
    {
        _settings["Uplink__BatchSize"] = "0";

        await EdgeProgram.RunAsync(_settings);

        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("Device__Id")]
    [InlineData("Inverter__TimeZone")]
    [InlineData("Uplink__TokenFile")]
    [InlineData("Uplink__CaFile")]
    [InlineData("Polling__Interval")]
    public async Task A_blank_value_is_as_good_as_none_where_none_is_allowed(string name)
    {
        _settings[name] = "";

        var ended = await EdgeProgram.RunAsync(_settings, "--seconds", "1");
        Assert.True(ended.ExitCode == 0, string.Join('\n', ended.Lines));
    }

    [Fact]
    public async Task The_command_line_wins_over_the_environment() =>
        Assert.StartsWith(
            "Uplink__BatchSize is '0'",
            (await EdgeProgram.RunAsync(_settings, "run", "--Uplink:BatchSize=0")).Refusal(exitCode: 2),
            StringComparison.Ordinal);

    [Theory]
    [InlineData("bogus", "'bogus'")]
    [InlineData("--bogus", "'--bogus'")]
    [InlineData("run --Polling:Interval", "'--Polling:Interval'")]
    [InlineData("run bogus", "'bogus'")]
    [InlineData("status bogus", "'bogus'")]
    [InlineData($"--UplinkToken={EdgeProgram.Secret}", "'--UplinkToken'")]
    [InlineData($"Uplink:Token={EdgeProgram.Secret}", "'Uplink:Token'")]
    [InlineData($"--uplink__token={EdgeProgram.Secret}", "'--uplink__token'")]
    [InlineData($"run --Uplink:Token {EdgeProgram.Secret}", "'--Uplink:Token'")]
    [InlineData($"run --Uplnk:Token={EdgeProgram.Secret}", "'--Uplnk:Token'")]
    public async Task A_word_that_is_neither_command_nor_setting_is_one_line_without_its_value(string arguments, string named)
    {
        var line = (await EdgeProgram.RunAsync(_settings, arguments.Split(' '))).Refusal(exitCode: 2);

        Assert.StartsWith(named, line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-5")]
    [InlineData("ten")]
    [InlineData("1.5")]
    [InlineData("99999999999")]
    [InlineData("2000000000")]
    public async Task Seconds_are_a_whole_number_of_a_sensible_size(string seconds) =>
        Assert.StartsWith(
            $"--seconds is '{seconds}': allowed is 1 to ",
            (await EdgeProgram.RunAsync(_settings, "--seconds", seconds)).Refusal(exitCode: 2),
            StringComparison.Ordinal);

    [Theory]
    [InlineData("""{ "Uplink": { "BatchSize": 10, } """)]
    [InlineData("""{ "Uplink": { "Token": "hunter2-is-no-secret-any-more" """)]
    [InlineData("Uplink: hunter2-is-no-secret-any-more")]
    [InlineData("")]
    public async Task Settings_that_are_no_json_are_one_line(string text)
    {
        var program = CopyOfTheProgram();
        File.WriteAllText(Path.Combine(Path.GetDirectoryName(program)!, "appsettings.json"), text);
        await using var started = EdgeProgram.StartAt(program, _settings, null);

        Assert.Contains("appsettings.json", (await started.EndAsync()).Refusal(exitCode: 2));
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("run --help")]
    [InlineData("--version")]
    public async Task Help_needs_no_settings(string arguments)
    {
        var ended = await EdgeProgram.RunAsync(new Dictionary<string, string?>(), arguments.Split(' '));

        Assert.Equal(0, ended.ExitCode);
        Assert.NotEmpty(ended.Lines);
    }

    public void Dispose() => _folder.Dispose();

    private string CopyOfTheProgram()
    {
        var from = Path.GetDirectoryName(EdgeProgram.Path)!;
        var to = _folder.File("program");
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        return Path.Combine(to, Path.GetFileName(EdgeProgram.Path));
    }
}
