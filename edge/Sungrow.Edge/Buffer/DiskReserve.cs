namespace Sungrow.Edge.Buffer;

/// <summary>A few kilobytes of the disk, given back when it is full: enough to bring the log into the database, whose free pages and whose
/// log are then written over in their places.</summary>
internal sealed class DiskReserve(string path)
{
    private const int Bytes = 64 * 1024;

    private readonly string _file = path + ".reserve";

    /// <summary>Best effort: without it a full disk refuses samples a little sooner.</summary>
    public void Take()
    {
        if (File.Exists(_file))
        {
            return;
        }

        try
        {
            // Written, not only sized: a file's holes take no space.
            File.WriteAllBytes(_file, new byte[Bytes]);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            Release(); // No room for it now; it is tried again.
        }
    }

    public void Release()
    {
        try
        {
            File.Delete(_file);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            // It may not be ours to delete: then the disk stays full, and the append says so.
        }
    }
}
