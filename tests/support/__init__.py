"""Helpers that several tests and the benchmarks use."""
