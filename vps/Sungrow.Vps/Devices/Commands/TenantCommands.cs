using System.CommandLine;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Devices.Commands;

/// <summary><c>sungrow-vps tenants</c>: who shares this server, without seeing each other.</summary>
internal static class TenantCommands
{
    private const string Facts =
        """
        SELECT tenants.name,
            (SELECT count(*) FROM sites WHERE sites.tenant_id = tenants.id),
            (SELECT count(*) FROM devices JOIN sites ON sites.id = devices.site_id WHERE sites.tenant_id = tenants.id),
            (SELECT count(DISTINCT viewer_tokens.name) FROM viewer_tokens WHERE viewer_tokens.tenant_id = tenants.id),
            tenants.created_at
        FROM tenants WHERE $1::text IS NULL OR tenants.name = $1 ORDER BY tenants.name
        """;

    public static Command Create()
    {
        var name = RegistryCommands.Name("tenant", "Its name");
        return new Command("tenants", "Who shares this server.")
        {
            Admin.Verb("add", "Add a tenant; it begins without sites.", session => AddAsync(session, session.Word(name)), name),
            Admin.Verb("list", "List all tenants.", ListAsync),
            Admin.Verb("show", "Show one tenant.", session => ShowAsync(session, session.Word(name)), name),
            Admin.Verb("remove", "Remove a tenant that has no sites and no viewers.",
                session => RemoveAsync(session, session.Word(name)), name),
        };
    }

    public static async Task<TenantFacts> FindAsync(AdminSession session, string name) =>
        (await QueryAsync(session, name)).SingleOrDefault()
        ?? throw new RefusedException($"There is no tenant {name}. See: sungrow-vps tenants list");

    private static async Task AddAsync(AdminSession session, string name)
    {
        if (await session.ExecuteAsync("INSERT INTO tenants (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", name) == 0)
        {
            throw new RefusedException($"The tenant {name} exists already. See: sungrow-vps tenants show {name}");
        }

        session.Say(new(null, null, null, name, "ADDED"), RegistryJson.Default.Changed, _ =>
            Console.WriteLine($"The tenant {name} is added. Next: sungrow-vps sites add <site> --tenant {name}"));
    }

    private static async Task ListAsync(AdminSession session) =>
        session.Say(await QueryAsync(session, null), RegistryJson.Default.ListTenantFacts, tenants => AdminSession.Table(
            tenants, "There is no tenant.",
            ("tenant", tenant => tenant.Tenant), ("sites", tenant => $"{tenant.Sites}"), ("devices", tenant => $"{tenant.Devices}"),
            ("viewers", tenant => $"{tenant.Viewers}"), ("created (UTC)", tenant => AdminSession.Time(tenant.CreatedAt))));

    private static async Task ShowAsync(AdminSession session, string name) =>
        session.Say(await FindAsync(session, name), RegistryJson.Default.TenantFacts, tenant => AdminSession.Facts(
            ("tenant", name), ("sites", $"{tenant.Sites}"), ("devices", $"{tenant.Devices}"), ("viewers", $"{tenant.Viewers}"),
            ("created", AdminSession.Time(tenant.CreatedAt))));

    private static async Task RemoveAsync(AdminSession session, string name)
    {
        var tenant = await FindAsync(session, name);
        if (name == SungrowDbContext.DefaultTenant)
        {
            throw new RefusedException($"The tenant {name} stays: the devices of DEVICE_TOKENS belong to it.");
        }

        if (tenant.Sites > 0 || tenant.Viewers > 0)
        {
            throw new RefusedException(
                $"The tenant {name} has {RegistryCommands.Count(tenant.Sites, "site")} and "
                + $"{RegistryCommands.Count(tenant.Viewers, "viewer")}: remove those first. See: sungrow-vps sites list --tenant {name}, "
                + $"sungrow-vps viewers list --tenant {name}");
        }

        await session.ExecuteAsync("DELETE FROM tenants WHERE name = $1", name);
        session.Say(new(null, null, null, name, "REMOVED"), RegistryJson.Default.Changed, _ =>
            Console.WriteLine($"The tenant {name} is removed."));
    }

    private static Task<List<TenantFacts>> QueryAsync(AdminSession session, string? name) => session.QueryAsync(
        Facts,
        row => new TenantFacts(row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), row.GetFieldValue<DateTimeOffset>(4)),
        name);
}
