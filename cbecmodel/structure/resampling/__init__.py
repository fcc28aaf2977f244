"""Many fits of one model at once: the batched engine, its compiled kernel, and the bootstrap."""
