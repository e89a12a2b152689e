using System.Runtime.Versioning;
using System.Text.Json;
using System.Text.RegularExpressions;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Deployment;

/// <summary>vps/Dockerfile carried out without an engine: each stage is a folder, COPY copies what .dockerignore lets through, RUN runs in
/// it. Absolute paths of a RUN are the stage's; what only an image can take (packages, another owner) is noted in <see cref="Noted"/>.</summary>
[SupportedOSPlatform("linux")]
internal sealed partial class Dockerfile(string folder)
{
    private static readonly TimeSpan Publishing = TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, string> _stages = [];
    private readonly Dictionary<string, string?> _environment = new()
    {
        ["APP_UID"] = "1654", // The base image's.
        // No server of the build outlives it.
        ["MSBUILDDISABLENODEREUSE"] = "1",
        ["UseSharedCompilation"] = "false",
    };

    private string _root = "";
    private string _folder = "/";

    public List<string> Images { get; } = [];

    public string? User { get; private set; }

    public string[] Entrypoint { get; private set; } = [];

    /// <summary>Of the last stage, outside the scratch folder's names.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    public List<string> Noted { get; } = [];

    /// <summary>The last stage's folder.</summary>
    public string Root => _root;

    public async Task CarryOutAsync(CancellationToken cancellationToken)
    {
        var text = Continued().Replace(Comment().Replace(await File.ReadAllTextAsync(PathOf("vps/Dockerfile"), cancellationToken), ""), " ");
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var (instruction, rest) = (line[..line.IndexOf(' ', StringComparison.Ordinal)], line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..].Trim());
            switch (instruction)
            {
                case "FROM":
                    Begin(rest.Split(' '));
                    break;
                case "WORKDIR":
                    _folder = rest;
                    Directory.CreateDirectory(_root + _folder);
                    break;
                case "COPY":
                    Copy(rest.Split(' '));
                    break;
                case "RUN":
                    await RunAsync(rest, cancellationToken);
                    break;
                case "ENV":
                    foreach (Match pair in Pair().Matches(rest))
                    {
                        Environment[pair.Groups["name"].Value] = pair.Groups["value"].Value;
                    }

                    break;
                case "USER":
                    User = rest;
                    break;
                case "EXPOSE":
                    break;
                case "ENTRYPOINT":
                    Entrypoint = JsonSerializer.Deserialize<string[]>(rest)!;
                    break;
                default:
                    Assert.Fail($"{instruction} is not carried out here.");
                    break;
            }
        }
    }

    private void Begin(string[] words)
    {
        Images.Add(words[0]);
        Environment.Clear();
        _folder = "/";
        _root = Path.Combine(folder, $"stage-{Images.Count}");
        Directory.CreateDirectory(_root);
        if (words is [_, "AS", var name])
        {
            _stages[name] = _root;
        }
    }

    private void Copy(string[] words)
    {
        var from = words[0].StartsWith("--from=", StringComparison.Ordinal) ? _stages[words[0][7..]] : null;
        var names = from is null ? words : words[1..];
        var to = Path.GetFullPath(Path.Combine(_root + _folder, names[^1]));
        foreach (var name in names[..^1])
        {
            if (from is null)
            {
                Assert.Contains($"!{name.TrimEnd('/')}", Ignored);
            }

            var source = from is null ? PathOf(name) : from + name;
            if (Directory.Exists(source))
            {
                CopyFolder(source, to, from is null);
            }
            else
            {
                File.Copy(source, Path.Combine(to, Path.GetFileName(source)));
            }
        }
    }

    private static void CopyFolder(string source, string to, bool asIgnored)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(source))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        foreach (var inner in Directory.EnumerateDirectories(source).Where(inner => !asIgnored || !Ignored.Contains($"**/{Path.GetFileName(inner)}")))
        {
            CopyFolder(inner, Path.Combine(to, Path.GetFileName(inner)), asIgnored);
        }
    }

    private async Task RunAsync(string command, CancellationToken cancellationToken)
    {
        var log = Path.Combine(folder, "noted");
        var stubs = Directory.CreateDirectory(Path.Combine(folder, "stubs")).FullName;
        foreach (var stub in new[] { "apt-get", "chown" })
        {
            await File.WriteAllTextAsync(Path.Combine(stubs, stub), $"#!/bin/sh\necho {stub} \"$@\" >>{log}\n", cancellationToken);
            File.SetUnixFileMode(Path.Combine(stubs, stub), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        await using var shell = ProgramProcess.Start(
            "sh", ["-ec", Absolute().Replace(command, _root + "/")],
            new Dictionary<string, string?>(_environment) { ["PATH"] = $"{stubs}:{System.Environment.GetEnvironmentVariable("PATH")}" },
            _root + _folder);
        Assert.True(await shell.ExitCodeAsync(Publishing, cancellationToken) == 0, $"{command}\n{shell.Output}");
        if (File.Exists(log))
        {
            Noted.AddRange(await File.ReadAllLinesAsync(log, cancellationToken));
            File.Delete(log);
        }
    }

    private static string[] Ignored { get; } = File.ReadAllLines(PathOf(".dockerignore"));

    private static string PathOf(string name) => Path.Combine(Programs.Root, name);

    [GeneratedRegex(@"^\s*#.*\n", RegexOptions.Multiline, 1000)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\\\n\s*", RegexOptions.None, 1000)]
    private static partial Regex Continued();

    [GeneratedRegex(@"(?<name>[A-Z_]+)=(?<value>\S+)", RegexOptions.None, 1000)]
    private static partial Regex Pair();

    [GeneratedRegex(@"(?<=\s)/", RegexOptions.None, 1000)]
    private static partial Regex Absolute();
}
