"""How results compare with the papers: ``python -m benchmarks.papers SYSTEM=RUN...`` keeps tables of ``reproduce``.

From the folder that ``bayes-labor reproduce SYSTEM`` wrote the tables are taken in which the paper's numbers stand, as they are
printed, into ``benchmarks/results/papers.json``; ``docs/papers.md`` is written anew from it, by this call or one without runs.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_labor.posteriors.tables import printed

RESULTS = Path(__file__).parent / "results" / "papers.json"
PAGE = Path(__file__).parents[1] / "docs" / "papers.md"
_HEAD = """# Beside the papers, table by table

Written by `python -m benchmarks.papers` from runs of `bayes-labor reproduce`, whose pages have more tables, every
picture, and what the columns mean. Nothing here is typed by hand but the sentences above each system's tables.
"""
SYSTEMS: dict[str, tuple[str, str, dict[str, str]]] = {
    "joint-production": (
        "Joint production",
        "The paper's register is not public. The data are generated from parameters near its `power` estimates, so that "
        "agreement with the column `paper` shows that the estimator finds what made the data (column `truth`), not that the "
        "paper is right. Its estimates hang on one random match for each workplace; here workplaces meet everybody.",
        {"estimates_power": "Table 6, unproductive seniority", "variation": "Table 8: variation of wages"},
    ),
    "sorting": (
        "Sorting over the business cycle",
        "The same published moments, so the parameters should agree, and do not: under no reading that was tried do the "
        "paper's give its moments (`at the paper's`). Read as a variance the TFP target gives nearly its wedge.",
        {"parameters": "Table 2, panel A", "moments": "Table 2, panel B", "readings": "Readings that were tried"},
    ),
    "bonuses": (
        "Bonuses and promotions",
        "The paper's personnel file is not public. The data are generated to have its Table 1, those of Table 6 with an effect "
        "of the prize of -2. What the same estimators find where there is none stands last: the published construction finds "
        "an effect there too.",
        {f"table{k}": f"Table {k}" for k in range(1, 7)} | {"placebo": "Placebo: no effect of the prize"},
    ),
    "learning": (
        "Learning on the job",
        "Solved at the parameters of the slides, from two seeds; here ± half of what the seeds differ by.",
        {"calibration": "Calibration", "growth": "Growth of human capital", "growth_slides": "The same, slides"},
    ),
}
"""By system: title, what to know, and tables with their titles."""
_REFUSED = (
    "\nThe solutions of the last run were refused by their certificate, as its page says: their numbers are not to be read and "
    "not shown.\n"
)
_DROPPED = ["contraction", "prior_mean", "prior_sd", "ess_bulk", "r_hat", "ML se", "objective"]
_SHOWN = {"hdi_low": "3%", "hdi_high": "97%"}


def taken(system: str, run: Path) -> dict[str, Any]:
    """The tables of a run, as printed, by name, and which release wrote them."""
    names = SYSTEMS[system][-1]
    records = [json.loads(f.read_text()) for f in sorted(run.rglob("run.json"))]
    tables = {}
    for name in names:
        file = run / "tables" / f"{name}.csv"
        if file.is_file():
            table = printed(pd.read_csv(file)).drop(columns=_DROPPED, errors="ignore").rename(columns=_SHOWN)
            tables[name] = {"columns": list(table.columns), "rows": table.to_numpy().tolist()}
    started = min((r.get("started", "") for r in records), default="")
    version = next((r["versions"]["bayes-labor"] for r in records if "versions" in r), "")
    sizes = [r["data"] for r in records if "workers" in r.get("data", {})]
    data = f"{sizes[0]['workers']:,} workers in {sizes[0]['workplaces']:,} workplaces" if sizes else ""
    refused = "NOT CERTIFIED" in (run / "paper.html").read_text(encoding="utf-8")
    shown = {} if refused else tables
    return {"version": version, "started": started, "data": data, "refused": refused, "tables": shown}


def truths_inside(table: dict[str, Any]) -> str:
    """How many true values lie inside their intervals, where a table has both."""
    if not {"truth", "3%", "97%"} <= set(table["columns"]):
        return ""
    rows = pd.DataFrame(table["rows"], columns=table["columns"])[["3%", "truth", "97%"]]
    low, truth, high = rows.apply(pd.to_numeric, errors="coerce").dropna().to_numpy().T
    return f"{int(((low <= truth) & (truth <= high)).sum())} of {len(truth)} true values lie inside their 94% intervals.\n\n"


def markdown(table: dict[str, Any]) -> str:
    """A table as printed."""
    lines = [table["columns"], ["---"] * len(table["columns"]), *table["rows"]]
    return "\n".join("| " + " | ".join(str(c).replace("|", "\\|") for c in line) + " |" for line in lines) + "\n"


def page(found: dict[str, Any]) -> str:
    """The page."""
    text = _HEAD
    for system, (title, words, names) in SYSTEMS.items():
        if system in found:
            own = found[system]
            made = ", ".join(w for w in (f"`bayes-labor reproduce {system}`", own["data"], f"release {own['version']}") if w)
            text += f"\n## {title}\n\n{words} ({made}.)\n"
            text += _REFUSED if own["refused"] else ""
            shown = {n: t for n, t in own["tables"].items() if n in names}
            text += "".join(f"\n**{names[n]}**\n\n{truths_inside(t)}{markdown(t)}" for n, t in shown.items())
    return text


def main(*given: str) -> None:
    """Take and write."""
    found = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for system, _, run in (text.partition("=") for text in given):
        found[system] = taken(system, Path(run))
    RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
