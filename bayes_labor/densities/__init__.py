"""A posterior as a plain function of a vector: its modes, its shards over devices and machines, its draws. Needs no PyMC."""
