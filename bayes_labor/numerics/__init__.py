"""What has no economics: compiled kernels and their caches, ragged sums, small linear algebra, and numba inside JAX."""
