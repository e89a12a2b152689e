using System.Globalization;
using StackExchange.Redis;

namespace Sungrow.Vps;

/// <summary>Reads <c>REDIS_URL</c>, which the client itself does not understand.</summary>
internal static class RedisUrl
{
    public const string Form =
        "redis://[:password@]host:port[/database], special characters of the password percent-encoded, or empty for no cache";

    private const string Scheme = "redis";
    private const int DefaultPort = 6379;

    /// <param name="what">What is wrong, without a word of the text: it holds a password.</param>
    public static bool TryParse(string text, out ConfigurationOptions options, out string what)
    {
        options = new ConfigurationOptions
        {
            // A Redis that is away now may come back: the start goes on without it, and so does everything after.
            AbortOnConnectFail = false,
            ClientName = "sungrow-vps",
            // The start waits for this long when Redis does not answer, and a lost connection is tried again this often.
            ConnectTimeout = 1_000,
            ConnectRetry = 1,
            KeepAlive = 10,
        };
        what = "";

        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Host.Length == 0)
        {
            what = "not a URL with a host";
        }
        else if (url.Scheme != Scheme)
        {
            what = "of another scheme than redis://";
        }
        else if (url.Port == 0)
        {
            what = "on port 0, which is none";
        }
        else if (url.Query.Length > 0 || url.Fragment.Length > 0)
        {
            what = "followed by ? or #, which has no meaning here";
        }
        else if (url.UserInfo.Length > 0 && url.UserInfo[0] != ':')
        {
            what = "with a user name, which is not supported; a password follows a colon";
        }
        else if (!TryDatabase(url.AbsolutePath, out var database))
        {
            what = "with a database that is no number from 0";
        }
        else
        {
            options.EndPoints.Add(url.Host.Trim('[', ']'), url.Port > 0 ? url.Port : DefaultPort);
            options.DefaultDatabase = database;
            options.Password = url.UserInfo.Length > 1 ? Uri.UnescapeDataString(url.UserInfo[1..]) : null;
        }

        return what.Length == 0;
    }

    private static bool TryDatabase(string path, out int database)
    {
        database = 0;
        return path is "" or "/" || int.TryParse(path.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out database);
    }
}
