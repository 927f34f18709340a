"""What was recorded, as a page of the documentation: ``python -m benchmarks.records`` writes ``docs/records.md``.

Calibrations are judged anew from their ranks, by the test that ``calibrate`` uses; nothing on the page is typed by hand.
"""

import json
from pathlib import Path

import pandas as pd

from bayes_labor.posteriors.uniform import alarm_level, uniformity

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "records.md"
_HEAD = """# What was recorded

Written by `python -m benchmarks.records` from the files in `benchmarks/results`, whose README says with what each was
recorded. Times are of the machine that recorded them: compare ratios.

## Calibrations

Truths are drawn from the prior, data from the model, and the truth's rank among posterior draws must be uniform. The
p-value is the least over all ranked quantities, times their number; below .01 is an alarm.

"""
_MIDDLE = """
An alarm stands here until its cause is mended and the file recorded again.

## Ten fits of the demo, everything arbitrary changed

"""


def calibrations() -> pd.DataFrame:
    """By file: data sets, ranked quantities, the adjusted p-value and the quantity it is of."""
    rows = {}
    for file in sorted(RESULTS.glob("sbc_*.csv")):
        ranks = pd.read_csv(file, index_col="simulation")
        p = uniformity(ranks)
        alarm = bool(p.min() < alarm_level(ranks.shape[1]))
        adjusted = min(float(p.min()) * ranks.shape[1], 1.0)
        found = f"**alarm**: {p.idxmin()}" if alarm else "none" if len(ranks) >= 100 else "none yet: few data sets"
        rows[file.stem.removeprefix("sbc_")] = (len(ranks), ranks.shape[1], f"{adjusted:.2g}", found)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["data sets", "ranked", "p", "alarm"]).rename_axis("model")


def markdown(table: pd.DataFrame) -> str:
    """A table with its index."""
    shown = table.reset_index()
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [shown.columns, ["---"] * shown.shape[1], *shown.to_numpy()]]
    return "\n".join(lines) + "\n"


def stability() -> pd.DataFrame:
    """Posterior mean and share below zero of β by fit."""
    fits = json.loads((RESULTS / "demo_stability.json").read_text())["fits"]
    rows = {
        name: {f"{what} ({k})": f"{v[key]:.3f}" for k, v in fit["beta"].items() for what, key in _OF_BETA}
        for name, fit in fits.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("fit")


_OF_BETA = (("β", "mean"), ("P(β < 0)", "below_zero"))


def kills() -> pd.DataFrame:
    """What a kill cost, by engine."""
    found = json.loads((RESULTS / "kills.json").read_text())
    rows = {k: v for k, v in found.items() if "seconds lost, most" in v and "kills" in v}
    return pd.DataFrame(
        {
            "kills": {k: v["kills"] for k, v in rows.items()},
            "seconds lost, at most": {k: f"{v['seconds lost, most']:.2f}" for k, v in rows.items()},
            "draws kept bit for bit": {k: "yes" if v["stored draws kept bit for bit"] else "NO" for k, v in rows.items()},
        }
    ).rename_axis("engine")


def linkers() -> pd.DataFrame:
    """JAX beside Numba on a CPU, processor time of a density with its gradient, by model."""
    found = json.loads((RESULTS / "linkers.json").read_text())["models"]
    rows = {k: {"Numba, µs": f"{v['numba_us']:,.1f}", "JAX ÷ Numba": f"{v['ratio']:.2f}"} for k, v in found.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def main() -> None:
    parts = [
        _HEAD, markdown(calibrations()), _MIDDLE, markdown(stability()),
        "\n## Kills at twenty random moments\n\n", markdown(kills()),
        "\n## A density and its gradient\n\nThe same machine code under both; processor time, in one run.\n\n",
        markdown(linkers()),
    ]  # fmt: skip
    PAGE.write_text("".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
