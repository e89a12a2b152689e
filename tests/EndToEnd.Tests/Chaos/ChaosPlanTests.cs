namespace Sungrow.EndToEnd.Tests.Chaos;

public class ChaosPlanTests
{
    private static readonly IReadOnlySet<Fault> None = new HashSet<Fault>();

    [Fact]
    public void The_same_seed_is_the_same_plan()
    {
        var first = ChaosPlan.Make(7, TimeSpan.FromMinutes(10), None);
        var second = ChaosPlan.Make(7, TimeSpan.FromMinutes(10), None);
        var other = ChaosPlan.Make(8, TimeSpan.FromMinutes(10), None);

        Assert.All(first, lane => Assert.Equal(lane.Value, second[lane.Key]));
        Assert.All(first, lane => Assert.NotEqual(lane.Value, other[lane.Key]));
    }

    [Fact]
    public void However_short_the_run_every_fault_comes_once()
    {
        for (var seed = 0; seed < 50; seed++)
        {
            var plan = ChaosPlan.Make(seed, TimeSpan.Zero, None);

            Assert.Equal(Faults.All.Order(), plan.Values.SelectMany(steps => steps).Select(step => step.Fault).Order());
            Assert.All(plan, lane => Assert.All(lane.Value, step => Assert.Equal(lane.Key, Faults.LaneOf(step.Fault))));
        }
    }

    [Fact]
    public void A_long_run_goes_on_to_its_end_and_holds_some_faults_long_enough_for_a_backlog()
    {
        var hour = TimeSpan.FromHours(1);

        foreach (var steps in ChaosPlan.Make(3, hour, None).Values)
        {
            var planned = steps.Aggregate(TimeSpan.Zero, (sum, step) => sum + step.Calm + step.Hold);
            Assert.InRange(planned, hour, hour + TimeSpan.FromMinutes(1));
            Assert.Contains(steps, step => step.Hold > TimeSpan.FromSeconds(5));
            Assert.All(steps, step => Assert.InRange(step.Hits, 1, 2));
        }
    }

    [Fact]
    public void What_this_machine_cannot_do_is_not_planned()
    {
        var plan = ChaosPlan.Make(1, TimeSpan.FromMinutes(5), new HashSet<Fault> { Fault.DiskFull, Fault.ClockBack, Fault.ClockForward });

        Assert.Empty(plan[Lane.Machine]);
        Assert.NotEmpty(plan[Lane.Processes]);
    }
}
