using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace Sungrow.Vps.Dashboard;

/// <summary>A body as it leaves, and what names it.</summary>
/// <param name="Encoding">Of <c>Content-Encoding</c>; empty for none.</param>
internal sealed record DashboardBody(string Encoding, byte[] Bytes)
{
    public EntityTagHeaderValue Tag { get; } = new($"\"{Convert.ToHexStringLower(SHA256.HashData(Bytes))[..16]}\"");
}

/// <param name="Bodies">Smallest first.</param>
internal sealed record DashboardFile(string ContentType, bool Immutable, IReadOnlyList<DashboardBody> Bodies);

/// <summary>The built app, which lies inside the assembly: one file to deploy, and never a page of one version with a script of
/// another.</summary>
internal static class DashboardFiles
{
    private const string Prefix = "dashboard/";

    /// <summary>By path. Empty when the server was built without its dashboard.</summary>
    public static FrozenDictionary<string, DashboardFile> Load()
    {
        var assembly = typeof(DashboardFiles).Assembly;
        var names = assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .ToHashSet();
        return names
            .Where(name => !name.EndsWith(".br", StringComparison.Ordinal) && !name.EndsWith(".gz", StringComparison.Ordinal))
            .ToFrozenDictionary(name => Path(name[Prefix.Length..]), name => Read(assembly, names, name), StringComparer.Ordinal);
    }

    private static string Path(string name) => name == "index.html" ? "/" : $"/{name}";

    private static DashboardFile Read(Assembly assembly, HashSet<string> names, string name)
    {
        DashboardBody[] bodies =
        [
            .. new[] { ("br", ".br"), ("gzip", ".gz"), ("", "") }
                .Where(form => names.Contains(name + form.Item2))
                .Select(form => new DashboardBody(form.Item1, Bytes(assembly, name + form.Item2))),
        ];
        // A hashed name never names other bytes.
        return new(ContentType(name), name.StartsWith($"{Prefix}assets/", StringComparison.Ordinal), bodies);
    }

    private static byte[] Bytes(Assembly assembly, string name)
    {
        using var stream = assembly.GetManifestResourceStream(name)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static string ContentType(string name) => System.IO.Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        ".png" => "image/png",
        ".webmanifest" => "application/manifest+json",
        var other => throw new InvalidOperationException($"The dashboard has a file of a type that nobody serves: {other}."),
    };
}
