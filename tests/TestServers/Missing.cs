using Xunit;

namespace Sungrow.TestServers;

/// <summary>What a machine without a server means: the test is skipped with the reason. On CI, which has them all, it fails.</summary>
public static class Missing
{
    public static bool IsCi { get; } = string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase);

    public static void Server(string reason)
    {
        if (IsCi)
        {
            Assert.Fail($"{reason} (CI=true: not skipped)");
        }

        Assert.Skip(reason);
    }
}
