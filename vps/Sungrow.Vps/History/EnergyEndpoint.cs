using Microsoft.AspNetCore.Mvc;
using Sungrow.Vps.Devices;

namespace Sungrow.Vps.History;

/// <summary><c>GET /v1/energy</c>: what the days or months of a site brought and used.</summary>
internal static class EnergyEndpoint
{
    private const string GroupForm = "group=day or month";

    public static void MapEnergy(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/energy", GetAsync)
            .RequireViewer()
            .WithTags("History")
            .WithSummary("Energy of PV, house, grid and battery per day or month of the site, with self-consumption and autarky")
            .Produces<EnergyAnswer>(StatusCodes.Status200OK, Representation.Json, Representation.Csv)
            .Produces(StatusCodes.Status304NotModified)
            .ProducesProblems(400, 503);

    private static async Task<IResult> GetAsync(
        HttpContext context, EnergyReader reader, TimeProvider time,
        [FromQuery(Name = "device_id")] string? deviceId = null, string? from = null, string? to = null, string group = "day")
    {
        Period? period = group switch
        {
            "day" => Period.Day,
            "month" => Period.Month,
            _ => null,
        };
        if (period is null)
        {
            return HistoryRange.Refuse(GroupForm);
        }

        var now = time.GetUtcNow();
        var (asked, refusal) = await HistoryRange.ReadAsync(context, deviceId, from, to, now, context.RequestAborted);
        if (asked is not { } range)
        {
            return refusal!;
        }

        var groups = range.Calendar.Boundaries(period.Value, range.From, range.To);
        var days = range.Calendar.Boundaries(Period.Day, groups[0], groups[^1]);
        var energies = await reader.ReadAsync(range.DeviceId, range.Calendar, days, context.RequestAborted);
        List<EnergyGroup> answer = [];
        for (int i = 0, day = 0; i < groups.Count - 1 && groups[i] <= now; i++) // No group of the future.
        {
            var sum = DayEnergy.None;
            for (; day < energies.Length && days[day] < groups[i + 1]; day++)
            {
                sum += energies[day];
            }

            answer.Add(sum.ToGroup(groups[i], groups[i + 1]));
        }

        return Representation.WantsCsv(context.Request)
            ? Representation.Of(context, ToCsv(answer), Representation.Csv)
            : HistoryEndpoint.Answer(
                context, new EnergyAnswer(range.DeviceId, range.TimeZone, answer), HistoryJson.Default.EnergyAnswer);
    }

    private static byte[] ToCsv(List<EnergyGroup> groups)
    {
        var csv = new Csv().Header(
            "from", "to", "pv_kwh", "pv_counter_kwh", "load_kwh", "import_kwh", "export_kwh", "charge_kwh", "discharge_kwh",
            "self_consumption_pct", "autarky_pct", "covered_s");
        foreach (var group in groups)
        {
            csv.Add(group.From).Add(group.To).Add(group.PvKwh).Add(group.PvCounterKwh).Add(group.LoadKwh).Add(group.ImportKwh)
                .Add(group.ExportKwh).Add(group.ChargeKwh).Add(group.DischargeKwh).Add(group.SelfConsumptionPct).Add(group.AutarkyPct)
                .Add(group.CoveredS).End();
        }

        return csv.Take();
    }
}
