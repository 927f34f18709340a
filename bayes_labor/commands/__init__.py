"""The ``bayes-labor`` command: parsing and printing; everything else is in the rooms below. A file a verb.

Exit codes: 0 done; 1 done, but a convergence gate failed or the preflight found trouble; 2 the input has faults (options,
tables, settings, run folders), or there is no room or permission to write: the faults say what to do; 3 a defect of ours, with
what to report; 130 interrupted.
"""

from bayes_labor.commands.app import app, main

__all__ = ["app", "main"]
