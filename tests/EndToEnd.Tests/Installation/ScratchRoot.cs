using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Installation;

/// <summary>An empty machine to install into: a folder. Nothing outside of it is touched and no service is started.</summary>
internal sealed class ScratchRoot : IDisposable
{
    public const string Token = "a-token-that-nobody-may-see";

    private static readonly string[] Source = [Path.Combine(Programs.Root, "systemd/install.sh")];

    private readonly string _folder = LastWill.CreateFolder("sungrow-install-");

    public ScratchRoot()
    {
        Directory.CreateDirectory(Root);
        File.WriteAllText(TokenFile, Token + "\n");
    }

    public string Root => Path.Combine(_folder, "root");

    public string TokenFile => Path.Combine(_folder, "token");

    public string Settings => Of("etc/sungrow-edge/edge.env");

    /// <summary>What <c>current</c> points to.</summary>
    public string? Current => new FileInfo(Of("opt/sungrow-edge/current")).LinkTarget;

    public IEnumerable<string> Versions => Directory.EnumerateFileSystemEntries(Of("opt/sungrow-edge/versions")).Select(path => "versions/" + Path.GetFileName(path));

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public string Of(string path) => Path.Combine(Root, path);

    /// <summary>Another version: the same program with another file beside it.</summary>
    public string Published(string mark)
    {
        var copy = Path.Combine(_folder, "published-" + mark);
        CopyFolder(Path.GetDirectoryName(Programs.Edge)!, copy);
        File.WriteAllText(Path.Combine(copy, "mark"), mark);
        return copy;
    }

    public Task<Ended> InstallAsync(string published, params string[] more) => RunAsync(["--from", published, .. more]);

    /// <summary>install.sh with these words and this root.</summary>
    public async Task<Ended> RunAsync(IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null)
    {
        await using var process = ProgramProcess.Start("bash", [.. Source, .. arguments, "--root", Root], environment);
        return await EndAsync(process);
    }

    /// <summary>The installed <c>sungrow-edge</c>.</summary>
    public async Task<Ended> EdgeAsync(params string[] arguments)
    {
        await using var process = ProgramProcess.Start(Of("usr/local/bin/sungrow-edge"), arguments);
        return await EndAsync(process);
    }

    /// <summary>Every file, its content and every link below the root.</summary>
    public SortedDictionary<string, string> Everything() => new(
        new DirectoryInfo(Root).EnumerateFileSystemInfos("*", SearchOption.AllDirectories)
            .Where(entry => entry is FileInfo || entry.LinkTarget is not null)
            .Where(entry => !entry.FullName.Contains("/current/", StringComparison.Ordinal))
            .ToDictionary(
                entry => Path.GetRelativePath(Root, entry.FullName),
                entry => entry.LinkTarget ?? $"{entry.LastWriteTimeUtc:O} {((FileInfo)entry).Length} {File.GetUnixFileMode(entry.FullName)}"),
        StringComparer.Ordinal);

    public void Dispose() => LastWill.RemoveFolder(_folder);

    private static async Task<Ended> EndAsync(ProgramProcess process)
    {
        var code = await process.ExitCodeAsync(cancellationToken: Cancelled);
        Assert.DoesNotContain(Token, process.Output, StringComparison.Ordinal);
        return new(code, process.Output);
    }

    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        foreach (var folder in Directory.EnumerateDirectories(from))
        {
            CopyFolder(folder, Path.Combine(to, Path.GetFileName(folder)));
        }
    }
}

internal sealed record Ended(int Code, string Output)
{
    /// <summary>Its output, once it is sure that it ended so.</summary>
    public string With(int code)
    {
        Assert.True(Code == code, $"exit code {Code} instead of {code}:\n{Output}");
        return Output;
    }
}
