using System.CommandLine;
using System.Text.Json.Serialization;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Devices.Commands;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet.Commands;

/// <summary><c>sungrow-vps customers</c>, on the admin VPS: whose VPS may push to this one.</summary>
internal static class CustomerCommands
{
    private const string Facts =
        """
        SELECT customer_id, status, first_seen, last_seen, created_at,
               CASE WHEN old_not_after > now() THEN old_not_after END,
               (SELECT count(*) FROM fleet.sites AS s WHERE s.customer_id = c.customer_id),
               (SELECT count(*) FROM fleet.devices AS d WHERE d.customer_id = c.customer_id)
        FROM fleet.customers AS c WHERE $1::text IS NULL OR customer_id = $1 ORDER BY customer_id
        """;

    public static Command Create()
    {
        var name = RegistryCommands.Name("customer", "His name, unique on this server");
        var overlap = RegistryCommands.Overlap();
        var undo = new Option<bool>("--undo") { Description = "Let a revoked customer in again." };
        return new Command("customers", "Whose VPS may push to this one (Application__RunMode=Admin).")
        {
            Admin.Verb("add", "Add a customer and show his token, once.", session => AddAsync(session, session.Word(name)), name),
            Admin.Verb("list", "List customers.", ListAsync),
            Admin.Verb("show", "Show one customer.", session => ShowAsync(session, session.Word(name)), name),
            Admin.Verb("rotate", "Give a customer a new token beside his old one, and show it, once.",
                session => RotateAsync(session, session.Word(name), session.Word(overlap)), name, overlap),
            Admin.Verb("revoke", "Refuse a customer, whatever his token; his data stays.",
                session => RevokeAsync(session, session.Word(name), session.Word(undo)), name, undo),
        };
    }

    private static async Task AddAsync(AdminSession session, string name)
    {
        var token = Tokens.Issue();
        if (await session.ExecuteAsync(
            "INSERT INTO fleet.customers (customer_id, digest) VALUES ($1, $2) ON CONFLICT (customer_id) DO NOTHING", name, Tokens.Digest(token)) == 0)
        {
            throw new RefusedException($"There is a customer {name} already. See: sungrow-vps customers show {name}");
        }

        session.Say(new(name, token, null, null), CustomerJson.Default.IssuedCustomerToken, issued =>
        {
            Console.WriteLine($"The customer {name} is added. For his VPS's FleetIngest__Token:");
            Show(issued);
        });
    }

    private static async Task ListAsync(AdminSession session) =>
        session.Say(await QueryAsync(session, null), CustomerJson.Default.ListCustomerFacts, customers => AdminSession.Table(
            customers, "There is no customer.",
            ("customer", customer => customer.Customer), ("status", customer => customer.Status), ("sites", customer => $"{customer.Sites}"),
            ("devices", customer => $"{customer.Devices}"), ("last seen (UTC)", customer => AdminSession.Time(customer.LastSeen))));

    private static async Task ShowAsync(AdminSession session, string name) =>
        session.Say(await FindAsync(session, name), CustomerJson.Default.CustomerFacts, customer => AdminSession.Facts(
            ("customer", customer.Customer), ("status", customer.Status), ("sites", $"{customer.Sites}"), ("devices", $"{customer.Devices}"),
            ("first seen", AdminSession.Time(customer.FirstSeen)), ("last seen", AdminSession.Time(customer.LastSeen)),
            ("created", AdminSession.Time(customer.CreatedAt)), ("old token until", AdminSession.Time(customer.OldTokenEnds))));

    private static async Task RotateAsync(AdminSession session, string name, TimeSpan overlap)
    {
        var token = Tokens.Issue();
        var customer = await FindAsync(session, name);
        if (customer.Status == Device.Revoked)
        {
            throw new RefusedException(
                $"The customer {name} is revoked, so no token would let him in. First: sungrow-vps customers revoke {name} --undo");
        }

        if (overlap > TimeSpan.Zero && customer.OldTokenEnds is { } end)
        {
            throw new RefusedException(
                $"The customer {name} has two good tokens until {AdminSession.Time(end)}, and may have no more. "
                + "With --overlap 00:00:00 the new one takes the place of both.");
        }

        await session.ExecuteAsync(
            """
            UPDATE fleet.customers SET digest = $2, old_digest = CASE WHEN $3 > interval '0' THEN digest END,
                old_not_after = CASE WHEN $3 > interval '0' THEN now() + $3 END
            WHERE customer_id = $1
            """,
            name, Tokens.Digest(token), overlap);
        var noticed = await RegistryCommands.TellAsync(session, CustomerAuth.Tenant, name);
        var ends = (await FindAsync(session, name)).OldTokenEnds;
        session.Say(new(name, token, ends, noticed), CustomerJson.Default.IssuedCustomerToken, issued =>
        {
            Console.WriteLine($"A new token of the customer {name}, for his VPS's FleetIngest__Token:");
            Show(issued);
            if (ends is null)
            {
                Console.WriteLine($"His old token is good no more. {noticed.Sentence}");
            }
        });
    }

    private static async Task RevokeAsync(AdminSession session, string name, bool undo)
    {
        await FindAsync(session, name);
        var status = undo ? Device.Active : Device.Revoked;
        await session.ExecuteAsync("UPDATE fleet.customers SET status = $2 WHERE customer_id = $1", name, status);
        var noticed = await RegistryCommands.TellAsync(session, CustomerAuth.Tenant, name);
        session.Say(new(name, status, noticed), CustomerJson.Default.ChangedCustomer, _ =>
            Console.WriteLine($"The customer {name} is {(undo ? "active" : "revoked")}. {noticed.Sentence}"));
    }

    private static void Show(IssuedCustomerToken issued) =>
        RegistryCommands.Show(new(null, null, CustomerAuth.Tenant, null, issued.Token, issued.OldTokenEnds));

    private static async Task<CustomerFacts> FindAsync(AdminSession session, string name) =>
        (await QueryAsync(session, name)).SingleOrDefault()
        ?? throw new RefusedException($"There is no customer {name}. See: sungrow-vps customers list");

    private static Task<List<CustomerFacts>> QueryAsync(AdminSession session, string? name) => session.QueryAsync(
        Facts,
        row => new CustomerFacts(
            row.GetString(0), row.GetString(1), row.GetInt64(6), row.GetInt64(7), RegistryCommands.TimeAt(row, 2),
            RegistryCommands.TimeAt(row, 3), row.GetFieldValue<DateTimeOffset>(4), RegistryCommands.TimeAt(row, 5)),
        name);
}

internal sealed record CustomerFacts(
    string Customer, string Status, long Sites, long Devices, DateTimeOffset? FirstSeen, DateTimeOffset? LastSeen, DateTimeOffset CreatedAt,
    DateTimeOffset? OldTokenEnds);

/// <param name="OldTokenEnds">Null where there is no older one that is good.</param>
internal sealed record IssuedCustomerToken(
    string Customer, string Token, DateTimeOffset? OldTokenEnds,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Notice? Noticed);

/// <param name="State"><c>ACTIVE</c> or <c>REVOKED</c>.</param>
internal sealed record ChangedCustomer(string Customer, string State, Notice Noticed);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    WriteIndented = true,
    Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(List<CustomerFacts>))]
[JsonSerializable(typeof(CustomerFacts))]
[JsonSerializable(typeof(IssuedCustomerToken))]
[JsonSerializable(typeof(ChangedCustomer))]
internal sealed partial class CustomerJson : JsonSerializerContext;
