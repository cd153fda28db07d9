"""A whole gateway of real processes under the benchmarks, and light clients for it."""
