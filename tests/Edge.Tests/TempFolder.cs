namespace Sungrow.Edge.Tests;

/// <summary>A folder of one test, gone after it.</summary>
internal sealed class TempFolder : IDisposable
{
    private const string Memory = "/dev/shm";

    /// <param name="inMemory">For a test that waits for thousands of commits, and pulls no plug: a killed process leaves its pages.</param>
    public TempFolder(bool inMemory = false) => Path = inMemory && Directory.Exists(Memory)
        ? Directory.CreateDirectory(System.IO.Path.Combine(Memory, $"sungrow-edge-{Guid.NewGuid()}")).FullName
        : Directory.CreateTempSubdirectory("sungrow-edge-").FullName;

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
