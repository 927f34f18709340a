"""Any ``pm.Model`` to draws: samplers, modes, starts, run folder, resume, progress, fan-out, shards."""
