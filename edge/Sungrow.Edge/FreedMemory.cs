using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace Sungrow.Edge;

/// <summary>Gives back to the machine what native code no longer needs. The compiler of a start and SQLite free most of what they took, and
/// glibc would keep it for them: 4 MB of an edge that polls. https://man7.org/linux/man-pages/man3/malloc_trim.3.html</summary>
internal sealed partial class FreedMemory(TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                _ = Trim(pad: 0);
            }
            catch (Exception absent) when (absent is EntryPointNotFoundException or DllNotFoundException)
            {
                return; // Another C library than glibc: none of this applies.
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint pad);
}
