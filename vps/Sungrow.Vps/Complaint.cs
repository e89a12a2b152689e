namespace Sungrow.Vps;

/// <summary>What is wrong, on standard error: one line each for a journal or a pipe, and in a terminal broken between words.</summary>
internal static class Complaint
{
    // A terminal so narrow, or of a width that nobody knows, breaks them itself.
    private const int Narrowest = 40;

    public static void Say(string sentence) =>
        Console.Error.WriteLine(Wrap($"sungrow-vps: {sentence}", Console.IsErrorRedirected ? 0 : Console.WindowWidth));

    /// <param name="columns">0: not a terminal.</param>
    internal static string Wrap(string text, int columns)
    {
        if (columns < Narrowest)
        {
            return text;
        }

        List<string> lines = [""];
        foreach (var word in text.Split(' '))
        {
            if (lines[^1].Length == 0)
            {
                lines[^1] = word;
            }
            else if (lines[^1].Length + 1 + word.Length <= columns)
            {
                lines[^1] += $" {word}";
            }
            else
            {
                lines.Add(word); // One that is longer than a line stays whole: it may be a path to be copied.
            }
        }

        return string.Join(Environment.NewLine, lines);
    }
}
