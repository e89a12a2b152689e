namespace Sungrow.Simulator.Faults;

/// <summary>The faults in force at one moment.</summary>
internal sealed class FaultSet
{
    public static readonly FaultSet None = new([]);

    private readonly (Fault Fault, DateTimeOffset Since)[] _faults;

    /// <param name="faults">Each with the simulated time at which it was switched on.</param>
    public FaultSet(IEnumerable<(Fault Fault, DateTimeOffset Since)> faults) => _faults = [.. faults];

    public IEnumerable<string> Names => _faults.Select(one => one.Fault.Type.Name).Distinct();

    public bool Has(FaultKind kind) => Find(kind) is not null;

    /// <summary>Null: not in force.</summary>
    public Fault? Find(FaultKind kind) => Of(kind).FirstOrDefault();

    /// <summary>Several where they differ by their argument, as illegal addresses do.</summary>
    public IEnumerable<Fault> Of(FaultKind kind) => _faults.Where(one => one.Fault.Type.Kind == kind).Select(one => one.Fault);

    /// <summary>When a fault that is in force was switched on, in simulated time.</summary>
    public DateTimeOffset Since(FaultKind kind) => _faults.First(one => one.Fault.Type.Kind == kind).Since;
}
