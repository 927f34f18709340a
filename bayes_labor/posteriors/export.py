"""What of a run may leave a register: tables that pass the rules, who stands behind them, and what was held back and why."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.engines.run_folder import RunFolder, check_place
from bayes_labor.posteriors.diagnostics import Gate
from bayes_labor.posteriors.disclosure import Released, Rules, release
from bayes_labor.posteriors.html import page_table, section, shown_table, write_page
from bayes_labor.posteriors.system import System
from bayes_labor.posteriors.tables import harmless

_KEPT = ("versions", "sampler", "specification", "system")
"""Of the record: no path, no condition on rows, no name."""


def export(
    system: System, spec: Any, data: Any, draws: xr.DataTree, record: dict[str, Any], gates: Sequence[Gate], folder: Path,
    rules: Rules | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Write what may leave into a folder of its own.

    Parameters
    ----------
    system, spec, data, draws, record
        A fit, and what its run folder remembers of it.
    gates
        Whether it has converged.
    folder
        New or empty.
    rules
        Thresholds.

    Returns
    -------
    pd.DataFrame
        What was held back: ``table``, ``row``, ``column``, ``why``. The list that is written leaves out names of rows and
        columns of which nothing leaves.

    Raises
    ------
    DataFaults
        If the folder holds something, or the system does not tell who stands behind its numbers.

    """
    if system.releases is None:
        remedy = "nothing was written: look at its tables yourself, by the rules of whoever keeps the data"
        raise DataFaults([Fault(f"{system.name} does not tell who stands behind its numbers", "export", remedy)])
    check_place(folder)
    if folder.exists() and any(folder.iterdir()):
        raise DataFaults([Fault("the folder is not empty", str(folder), "export into a new one: all in it may leave")])
    rules, there = rules or Rules(), RunFolder(folder)
    released = release(system.releases(spec, data, draws), rules)
    held, listed = (pd.concat(lists, ignore_index=True) for lists in zip(*((r.held, r.listed) for r in released), strict=True))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "about.json").write_text(json.dumps(_about(record, rules), indent=1, default=str), encoding="utf-8")
    harmless(listed.set_index("table")).to_csv(folder / "held_back.csv")
    failed = [g.name for g in gates if not g.passed]
    lead = f"Convergence gates FAILED ({', '.join(failed)}): no posterior yet." if failed else "All convergence gates passed."
    write_page(
        folder / "index.html", title=f"{system.title}: what may leave", lead=f"{lead} {rules.told()}",
        sections=[*(_shown(r, there) for r in released), _held(listed)],
    )  # fmt: skip
    return held


def _about(record: dict[str, Any], rules: Rules) -> dict[str, Any]:
    return {k: record[k] for k in _KEPT if k in record} | {"rules": vars(rules)}


def _shown(one: Released, folder: RunFolder) -> dict[str, Any]:
    lost = len(one.held)
    note = f"{lost} numbers held back (empty here)." if lost else ""
    return section(one.caption, [shown_table(one.table, folder, one.name, one.caption, note)])


def _held(held: pd.DataFrame) -> dict[str, Any]:
    counts = held.groupby(["table", "why"]).size().rename("numbers").reset_index().set_index("table")
    if not len(counts):
        return section("What was held back", text="Nothing.")
    heading = "What was held back"
    return section(heading, [page_table(counts, "held_back", heading, "Cell by cell in held_back.csv.")])
