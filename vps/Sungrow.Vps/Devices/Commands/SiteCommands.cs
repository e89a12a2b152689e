using System.CommandLine;
using Microsoft.Extensions.Options;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Devices.Commands;

/// <summary><c>sungrow-vps sites</c>: the places where devices stand. Days and their energy are those of a site's time zone.</summary>
internal static class SiteCommands
{
    private const string Facts =
        """
        SELECT tenants.name, sites.name, sites.time_zone, (SELECT count(*) FROM devices WHERE devices.site_id = sites.id), sites.created_at
        FROM sites JOIN tenants ON tenants.id = sites.tenant_id
        WHERE ($1::text IS NULL OR tenants.name = $1) AND ($2::text IS NULL OR sites.name = $2) ORDER BY tenants.name, sites.name
        """;

    public static Command Create()
    {
        var name = RegistryCommands.Name("site", "Its name");
        var (tenant, ofTenant) = (RegistryCommands.Tenant(), RegistryCommands.OfTenant());
        var zone = new Option<string?>("--time-zone") { Description = "An IANA zone, Europe/Berlin. SITE_TIMEZONE unless given." };
        return new Command("sites", "The places where devices stand.")
        {
            Admin.Verb("add", "Add a site.", session => AddAsync(session, session.Word(tenant)!, session.Word(name), session.Word(zone)),
                name, tenant, zone),
            Admin.Verb("list", "List sites.", session => ListAsync(session, session.Word(ofTenant)), ofTenant),
            Admin.Verb("show", "Show one site.", session => ShowAsync(session, session.Word(tenant)!, session.Word(name)), name, tenant),
            Admin.Verb("remove", "Remove a site that has no devices.",
                session => RemoveAsync(session, session.Word(tenant)!, session.Word(name)), name, tenant),
        };
    }

    public static async Task<SiteFacts> FindAsync(AdminSession session, string tenant, string name)
    {
        await TenantCommands.FindAsync(session, tenant);
        return (await QueryAsync(session, tenant, name)).SingleOrDefault()
            ?? throw new RefusedException($"The tenant {tenant} has no site {name}. See: sungrow-vps sites list --tenant {tenant}");
    }

    private static async Task AddAsync(AdminSession session, string tenant, string name, string? zone)
    {
        zone ??= session.Service<IOptions<DevicesOptions>>().Value.SiteTimeZone;
        if (!TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var known) || !known.HasIanaId)
        {
            throw new RefusedException("--time-zone is none that this machine knows; allowed is an IANA zone, for example Europe/Berlin.");
        }

        await TenantCommands.FindAsync(session, tenant);
        if (await session.ExecuteAsync(
            """
            INSERT INTO sites (tenant_id, name, time_zone) SELECT id, $2, $3 FROM tenants WHERE name = $1
            ON CONFLICT (tenant_id, name) DO NOTHING
            """,
            tenant, name, known.Id) == 0)
        {
            throw new RefusedException(
                $"The tenant {tenant} has a site {name} already. See: sungrow-vps sites show {name} --tenant {tenant}");
        }

        session.Say(new(null, null, name, tenant, "ADDED"), RegistryJson.Default.Changed, _ => Console.WriteLine(
            $"The site {name} of tenant {tenant} is added, in {known.Id}. "
            + $"Next: sungrow-vps devices add <device> --tenant {tenant} --site {name}"));
    }

    private static async Task ListAsync(AdminSession session, string? tenant) =>
        session.Say(await QueryAsync(session, tenant, null), RegistryJson.Default.ListSiteFacts, sites => AdminSession.Table(
            sites, "There is no site.",
            ("tenant", site => site.Tenant), ("site", site => site.Site), ("time zone", site => site.TimeZone),
            ("devices", site => $"{site.Devices}"), ("created (UTC)", site => AdminSession.Time(site.CreatedAt))));

    private static async Task ShowAsync(AdminSession session, string tenant, string name) =>
        session.Say(await FindAsync(session, tenant, name), RegistryJson.Default.SiteFacts, site => AdminSession.Facts(
            ("site", name), ("tenant", tenant), ("time zone", site.TimeZone), ("devices", $"{site.Devices}"),
            ("created", AdminSession.Time(site.CreatedAt))));

    private static async Task RemoveAsync(AdminSession session, string tenant, string name)
    {
        var site = await FindAsync(session, tenant, name);
        if ((tenant, name) == (SungrowDbContext.DefaultTenant, SungrowDbContext.DefaultSite))
        {
            throw new RefusedException($"The site {name} of tenant {tenant} stays: the devices of DEVICE_TOKENS begin there.");
        }

        if (site.Devices > 0)
        {
            throw new RefusedException(
                $"The site {name} has {RegistryCommands.Count(site.Devices, "device")}: remove those first. "
                + $"See: sungrow-vps devices list --tenant {tenant} --site {name}");
        }

        var loads = await session.QueryAsync(
            """
            SELECT count(*) FROM load_devices JOIN sites ON sites.id = site_id JOIN tenants ON tenants.id = tenant_id
            WHERE tenants.name = $1 AND sites.name = $2
            """,
            row => row.GetInt64(0), tenant, name);
        if (loads is [> 0 and var shellies])
        {
            throw new RefusedException(
                $"The site {name} has {RegistryCommands.Count(shellies, "Shelly device")}: assign those to another one first. "
                + $"See: sungrow-vps loads list --tenant {tenant} --site {name}");
        }

        await session.ExecuteAsync(
            "DELETE FROM sites USING tenants WHERE tenants.id = sites.tenant_id AND tenants.name = $1 AND sites.name = $2", tenant, name);
        session.Say(new(null, null, name, tenant, "REMOVED"), RegistryJson.Default.Changed, _ =>
            Console.WriteLine($"The site {name} of tenant {tenant} is removed."));
    }

    private static Task<List<SiteFacts>> QueryAsync(AdminSession session, string? tenant, string? name) => session.QueryAsync(
        Facts,
        row => new SiteFacts(row.GetString(0), row.GetString(1), row.GetString(2), row.GetInt64(3), row.GetFieldValue<DateTimeOffset>(4)),
        tenant, name);
}
