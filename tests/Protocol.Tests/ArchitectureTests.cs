using System.Xml.Linq;

namespace Sungrow.Protocol.Tests;

/// <summary>Which room may know which.</summary>
public class ArchitectureTests
{
    private const string Protocol = "shared/Sungrow.Protocol/Sungrow.Protocol.csproj";

    [Fact]
    public void The_protocol_references_nothing_but_the_framework() => Assert.All(
        typeof(SungrowSample).Assembly.GetReferencedAssemblies(),
        assembly => Assert.StartsWith("System.", assembly.Name, StringComparison.Ordinal));

    [Fact]
    public void The_protocol_has_no_package_and_no_project() =>
        Assert.Empty(References(Protocol, "PackageReference", "ProjectReference", "Reference"));

    [Fact]
    public void Edge_and_vps_know_shared_and_never_each_other()
    {
        var projects = Projects();

        Assert.Contains(Protocol, projects);
        Assert.All(projects, project =>
        {
            var known = RoomsKnown(project);
            if (Room(project) is "edge" or "vps")
            {
                // Not their own room either: the simulator decodes nothing that the edge encodes.
                Assert.All(known, room => Assert.Equal("shared", room));
            }
            else if (!project.StartsWith("tests/EndToEnd.Tests/", StringComparison.Ordinal)
                && !project.StartsWith("tests/Benchmarks/", StringComparison.Ordinal))
            {
                Assert.False(known.Contains("edge") && known.Contains("vps"), "knows both ends");
            }
        });
    }

    /// <summary>Paths of all projects, seen from the root.</summary>
    private static string[] Projects() =>
    [
        .. Directory.EnumerateFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Repository.Root, file)),
    ];

    private static IEnumerable<string> References(string project, params string[] kinds) => XDocument
        .Load(Path.Combine(Repository.Root, project))
        .Descendants()
        .Where(element => kinds.Contains(element.Name.LocalName))
        .Select(element => (string?)element.Attribute("Include") ?? "");

    private static HashSet<string> RoomsKnown(string project)
    {
        var folder = Path.GetDirectoryName(Path.Combine(Repository.Root, project))!;
        return [.. References(project, "ProjectReference").Select(reference =>
            Room(Path.GetRelativePath(Repository.Root, Path.GetFullPath(Path.Combine(folder, reference.Replace('\\', '/'))))))];
    }

    private static string Room(string path) => path.Split('/')[0];
}
