using Microsoft.Extensions.Options;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps;

/// <summary>One life of the server: from its settings to its exit code. Whatever an operator can mend ends it with a line each on standard
/// error and without a stack trace; whatever is a defect of ours shows its trace.</summary>
internal static class Serving
{
    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        try
        {
            Settings.CheckArguments(args);
            await using var app = Program.Build(args);
            // All settings at once, before the first service fails for one of them.
            app.Services.GetRequiredService<IStartupValidator>().Validate();
            await app.StartAsync(cancellationToken);
            await app.WaitForShutdownAsync(cancellationToken);
            app.Services.GetRequiredService<DatabaseStart>().ThrowIfRefused();
            return ReportFailed(app) ? 1 : 0;
        }
        catch (Exception failure) when (Settings.Complaints(failure) is { Count: > 0 } complaints)
        {
            foreach (var complaint in complaints)
            {
                await Console.Error.WriteLineAsync($"sungrow-vps: {complaint}");
            }

            return 1;
        }
    }

    // The host stops when one of its services has failed, and would end with 0.
    private static bool ReportFailed(WebApplication app)
    {
        var failed = app.Services.GetServices<IHostedService>().OfType<BackgroundService>()
            .Where(service => service.ExecuteTask is { IsFaulted: true }).ToList();
        failed.ForEach(service => app.Logger.ServiceFailed(service.ExecuteTask!.Exception!, service.GetType().Name));
        return failed.Count > 0;
    }
}
