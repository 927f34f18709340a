"""A national register and ten of them: ``python -m benchmarks.large_data [WORKPLACES ...]``.

For each size a Parquet file is generated, then read, validated, compiled and evaluated in a process of its own, whose time and
memory are printed and kept in ``benchmarks/results/``. Default: the paper's sample, Norway's register, and ten times that.
``... reading`` reads, checks and describes ten million rows from Parquet and from a text file with ``;`` and decimal commas.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIZES = (20_542, 103_840, 1_038_400)


def generate(file: str, workplaces: int) -> None:
    from bayes_labor.data.joint_production.norway import norway_table

    norway_table(workplaces, seed=1).to_parquet(file)


def measure(file: str) -> dict[str, Any]:
    """Seconds and memory of every step from the file to an evaluation of log density and gradient on two threads."""
    from bayes_labor.data import Workforce
    from bayes_labor.data.joint_production.norway import FORMULA, INDUSTRIES
    from bayes_labor.engines.modes import log_density_of
    from bayes_labor.models import JointProductionSpec, joint_production
    from bayes_labor.models.starting import starting_points
    from bayes_labor.posteriors import compile_model
    from benchmarks.__main__ import best

    clock = [time.perf_counter()]

    def lap() -> float:
        clock.append(time.perf_counter())
        return clock[-1] - clock[-2]

    options = {"worker": "worker", "industries": INDUSTRIES, "simulated": True}
    workforce = Workforce.from_file(file, FORMULA, ["seniority"], **options)
    found: dict[str, Any] = {"matching": "exact", "workers": workforce.n_workers, "read_and_validate_s": lap()}
    found["read_peak_gb"] = _peak()
    model = joint_production(workforce, JointProductionSpec(threads=2))
    found["model_s"] = lap()
    compiled = compile_model(model)
    found["compile_s"] = lap()
    call, x = log_density_of(compiled), starting_points(model)[0]
    found["log_density_and_gradient_ms"] = best(lambda: call(x), 10)
    return found | {"peak_gb": _peak(), "design_gb": workforce.design.nbytes / 2**30}


def describe(file: str) -> dict[str, Any]:
    """Seconds and memory of reading, checking and describing a table."""
    from bayes_labor.data import Workforce
    from bayes_labor.data.joint_production.norway import FORMULA, INDUSTRIES
    from bayes_labor.data.joint_production.remarks import remarks

    wall, cpu = time.perf_counter(), time.process_time()
    workforce = Workforce.from_file(file, FORMULA, ["seniority"], worker="worker", industries=INDUSTRIES, simulated=True)
    table, odd = workforce.describe(), remarks(workforce)
    return {
        "file": Path(file).suffix, "gigabytes": Path(file).stat().st_size / 2**30, "rows": workforce.n_workers,
        "terms": len(table), "remarks": len(odd), "fingerprint": workforce.fingerprint, "peak_gb": _peak(),
        "wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu,
    }  # fmt: skip


def reading(workplaces: int = 830_000) -> None:
    """Ten million rows, the same in both files; kept in ``benchmarks/results/reading.json``."""
    from bayes_labor.data.joint_production.norway import norway_table

    found, me = [], [sys.executable, "-m", "benchmarks.large_data", "describe"]
    with tempfile.TemporaryDirectory() as folder:
        table = norway_table(workplaces, seed=1)
        files = [f"{folder}/register.parquet", f"{folder}/register.csv"]
        table.to_parquet(files[0])
        table.to_csv(files[1], index=False, sep=";", decimal=",")
        del table
        for file in files:
            out = subprocess.run([*me, file], check=True, capture_output=True, text=True).stdout
            found.append(json.loads(out))
            print(json.dumps(found[-1]), flush=True)
    (Path(__file__).parent / "results" / "reading.json").write_text(json.dumps(found, indent=1) + "\n")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(sizes: tuple[int, ...]) -> None:
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for n in sizes:
            file = f"{folder}/{n}.parquet"
            me = [sys.executable, "-m", "benchmarks.large_data"]
            subprocess.run([*me, "generate", file, str(n)], check=True)
            out = subprocess.run([*me, "measure", file], check=True, capture_output=True, text=True).stdout
            found = json.loads(out)
            found["times_the_first"] = found["log_density_and_gradient_ms"] / (
                results[0]["log_density_and_gradient_ms"] if results else found["log_density_and_gradient_ms"]
            )
            results.append(found)
            print(json.dumps(found), flush=True)
            Path(file).unlink()
    (Path(__file__).parent / "results" / "large_data.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["generate"]:
        generate(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(sys.argv[2])))
    elif sys.argv[1:2] == ["describe"]:
        print(json.dumps(describe(sys.argv[2])))
    elif sys.argv[1:2] == ["reading"]:
        reading(*map(int, sys.argv[2:]))
    else:
        main(tuple(map(int, sys.argv[1:])) or SIZES)
