using System.Runtime.InteropServices;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests;

public sealed class FreedMemoryTests
{
    private const int Blocks = 1 << 17;
    private const int BlockSize = 1 << 10;
    private const long Half = (long)Blocks * BlockSize / 2;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_native_code_has_freed_goes_back_to_the_machine_within_a_minute()
    {
        FakeTime time = new(new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero));
        using FreedMemory freed = new(time);
        await freed.StartAsync(Cancelled);
        var last = AllocateAndFreeAllButTheLast();
        try
        {
            await Until.TrueAsync(() => time.Waiting > 0, cancellationToken: Cancelled);
            var before = Environment.WorkingSet;

            time.Advance(TimeSpan.FromMinutes(1));

            await Until.TrueAsync(() => before - Environment.WorkingSet > Half, cancellationToken: Cancelled);
        }
        finally
        {
            Marshal.FreeHGlobal(last);
            await freed.StopAsync(Cancelled);
        }
    }

    // The last one lies above all others: by itself the C library would keep what is below it.
    private static nint AllocateAndFreeAllButTheLast()
    {
        var blocks = new nint[Blocks];
        for (var block = 0; block < Blocks; block++)
        {
            blocks[block] = Marshal.AllocHGlobal(BlockSize);
            Marshal.WriteByte(blocks[block], 1);
        }

        Array.ForEach(blocks[..^1], Marshal.FreeHGlobal);
        return blocks[^1];
    }
}
