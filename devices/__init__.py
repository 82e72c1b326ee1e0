"""Everything with a wire: adapters that implement :mod:`bench.ports`. No Qt, no decisions."""
