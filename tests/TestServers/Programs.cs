using System.Runtime.CompilerServices;

namespace Sungrow.TestServers;

/// <summary>Where our programs lie after a build: each in its own folder, in the running assembly's configuration.</summary>
public static class Programs
{
    public static string Root { get; } = FindRoot();

    public static string Edge { get; } = Find("edge/Sungrow.Edge", "sungrow-edge");

    public static string Simulator { get; } = Find("edge/Sungrow.Simulator", "sungrow-simulator");

    public static string Vps { get; } = Find("vps/Sungrow.Vps", "sungrow-vps");

    private static string Find(string project, string assembly)
    {
        // .../tests/EndToEnd.Tests/bin/<configuration>/<framework>/
        var framework = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        return Path.Combine(Root, project, "bin", framework.Parent!.Name, framework.Name, assembly + ".dll");
    }

    private static string FindRoot([CallerFilePath] string thisFile = "")
    {
        var folder = Path.GetDirectoryName(thisFile);
        while (folder is not null && !File.Exists(Path.Combine(folder, "Sungrow.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new DirectoryNotFoundException($"No Sungrow.sln above {thisFile}.");
    }
}
