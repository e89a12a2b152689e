using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Deployment;

[SupportedOSPlatform("linux")]
public partial class DockerfileTests
{
    // Nobody in particular, who may write nowhere.
    private const string Nobody = "65534";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_the_Dockerfile_makes_serves_as_a_user_who_may_write_nothing()
    {
        var folder = LastWill.CreateFolder("sungrow-image-");
        try
        {
            Dockerfile image = new(folder);
            await image.CarryOutAsync(Cancelled);

            Assert.Equal(["mcr.microsoft.com/dotnet/sdk:10.0-noble", "mcr.microsoft.com/dotnet/aspnet:10.0-noble"], image.Images);
            Assert.Equal("$APP_UID", image.User);
            Assert.Contains("chown 1654:1654 " + image.Root + "/backups", image.Noted);
            Assert.Contains(image.Noted, line => line.EndsWith($" postgresql-client-{ServerMajor()}", StringComparison.Ordinal));

            await using var postgres = await PostgresServer.StartAsync(cancellationToken: Cancelled);
            Dictionary<string, string?> environment = new()
            {
                ["PATH"] = $"{image.Root}{image.Environment["PATH"].Replace("$PATH", Environment.GetEnvironmentVariable("PATH"), StringComparison.Ordinal)}",
                ["HOME"] = "/nonexistent",
                ["ASPNETCORE_URLS"] = image.Environment["ASPNETCORE_URLS"].Replace("8080", $"{FreePort.Next()}", StringComparison.Ordinal),
                ["DATABASE_URL"] = await postgres.CreateDatabaseAsync(Cancelled),
            };
            await using var serving = Start(folder, environment, image.Entrypoint);
            await Until.TrueAsync(
                async () =>
                {
                    Assert.False(serving.HasExited, serving.Output);
                    await using var health = Start(folder, environment, ["sungrow-vps", "health"]);
                    return await health.ExitCodeAsync(cancellationToken: Cancelled) == 0;
                },
                cancellationToken: Cancelled);

            serving.Terminate();
            Assert.True(await serving.ExitCodeAsync(cancellationToken: Cancelled) == 0, serving.Output);
        }
        finally
        {
            LastWill.RemoveFolder(folder);
        }
    }

    private static ProgramProcess Start(string folder, Dictionary<string, string?> environment, string[] command)
    {
        if (Environment.UserName != "root")
        {
            return ProgramProcess.Start("env", command, environment, folder);
        }

        File.SetUnixFileMode(folder, (UnixFileMode)0b111_101_101);
        return ProgramProcess.Start("setpriv", [$"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups", .. command], environment, folder);
    }

    // The image of the compose file.
    private static string ServerMajor() =>
        Major().Match(File.ReadAllText(Path.Combine(Programs.Root, "docker-compose.vps.yml"))).Groups["major"].Value;

    [GeneratedRegex(@"image: timescale/timescaledb:[\d.]+-pg(?<major>\d+)\n", RegexOptions.None, 1000)]
    private static partial Regex Major();
}
