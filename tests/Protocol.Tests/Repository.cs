using System.Text;

namespace Sungrow.Protocol.Tests;

/// <summary>The repository that these tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    /// <summary>A golden file's bytes as they travel: the newline that ends a text file does not.</summary>
    public static string Golden(string name) =>
        File.ReadAllText(Path.Combine(Root, "tests", "Protocol.Tests", "Golden", name), Encoding.UTF8).TrimEnd('\n');

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Sungrow.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No Sungrow.sln above {AppContext.BaseDirectory}.");
    }
}
