"""What several tests and the benchmarks use."""
