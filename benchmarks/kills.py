"""What a kill costs: ``python -m benchmarks.kills [nutpie blackjax smc disk memory]``, recorded in ``results/kills.json``.

A fit from the command line is ended at twenty random moments by SIGKILL, SIGTERM or SIGINT and resumed after each. What was
stored before must come back bit for bit, in the file and in the finished run; lost is what was done after the last write, of
draws or of a population under way: the seconds between it and the signal. ``disk`` fits into a file system of a few hundred
kilobytes (as root), ``memory`` takes from a sampling process the right to allocate.
"""

import contextlib
import json
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bayes_labor import __version__
from bayes_labor.engines.progress import Draws, aside_of
from bayes_labor.engines.run_folder import RunFolder

OUT = Path(__file__).parent / "results" / "kills.json"
KILLS = 20
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
MODEL = ("joint-production", "norway:40", "--set", "spec=linear")
LENGTHS = {"nutpie": 12_000, "blackjax": 4000, "smc": 500}
CHAINS = {"nutpie": 4, "blackjax": 4, "smc": 2}


def command(verb: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bayes_labor", verb, *words], text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )  # fmt: skip


def begin(engine: str, run: Path, draws: int | None = None) -> subprocess.Popen[str]:
    length = ["--draws", str(draws or LENGTHS[engine]), "--tune", "300", "--chains", str(CHAINS[engine]), "--seed", "11"]
    return command("fit", *MODEL, "--run", str(run), "--engine", engine, *length)


def written(file: Path) -> float:
    """When draws, or what is under way beside them, were written last; 0 before the first time."""
    times = [0.0]
    for path in (file, aside_of(file)):
        with contextlib.suppress(FileNotFoundError):
            times.append(path.stat().st_mtime)
    return max(times)


def grown(process: subprocess.Popen[str], file: Path, beyond: float) -> bool:
    """Wait until something was written after a moment; False if the process ends before."""
    while process.poll() is None:
        if written(file) > beyond:
            return True
        time.sleep(0.01)
    return False


def kept_in(run: Path) -> Draws | None:
    """What a killed fit has stored; None before the first population is whole."""
    return Draws.load(RunFolder(run).partial_path)


def holds(later: Draws | None, earlier: Draws | None) -> bool:
    """Whether all earlier draws are among the later ones, bit for bit."""
    if earlier is None or later is None:
        return earlier is None
    return all(
        np.array_equal(later.unconstrained[c, :n], earlier.unconstrained[c, :n])
        and all(np.array_equal(later.posterior[k][c, :n], v[c, :n]) for k, v in earlier.posterior.items())
        for c, n in enumerate(earlier.counts)
    )


def killed_and_resumed(engine: str, run: Path) -> dict[str, Any]:
    """Twenty kills of one fit."""
    rng, lost, codes, counts = random.Random(engine), [], [], []
    same, moment, held = True, 0.0, None
    process = begin(engine, run)
    for i in range(KILLS):
        file = RunFolder(run).partial_path
        if not grown(process, file, moment):
            break
        time.sleep(rng.uniform(0.0, 2.5))
        how = SIGNALS[i % len(SIGNALS)]
        if process.poll() is not None:
            break
        moment = time.time()
        process.send_signal(how)
        process.wait()
        now = kept_in(run)
        # A signal that is heard lets a write end that was under way.
        lost.append(max(moment - written(file), 0.0))
        same = same and holds(now, held)
        held, moment = now, time.time()
        codes.append(f"{how.name} {process.returncode}")
        counts.append(int(now.counts.sum()) if now is not None else 0)
        print(engine, i, codes[-1], counts[-1], f"{lost[-1]:.2f} s", flush=True)
        process = command("resume", str(run))
    errors = process.communicate()[1]
    assert process.returncode in (0, 1), errors
    tree = RunFolder.open(run).draws()
    finished = held is None or all(
        np.array_equal(tree["posterior"][k].to_numpy()[c, :n], v[c, :n])
        for k, v in held.posterior.items() for c, n in enumerate(held.counts)
    )  # fmt: skip
    return {
        "kills": len(lost), "signals and exit codes": sorted(set(codes)), "draws after each": counts,
        "seconds lost, most": max(lost), "seconds lost, mean": float(np.mean(lost)),
        "stored draws kept bit for bit": bool(same), "and in the finished run": bool(finished),
        "of draws in all": int(tree["posterior"].sizes["chain"] * tree["posterior"].sizes["draw"]),
    }  # fmt: skip


@contextlib.contextmanager
def little_room(kilobytes: int) -> Iterator[Path]:
    """A file system of so many kilobytes."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", place], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", place], check=True)


def full_disk(run: Path) -> dict[str, Any]:
    """A fit into a file system that has no room for its draws."""
    found = {}
    for kilobytes in (100, 1000, 4000):
        with little_room(kilobytes) as small:
            inside = small / "run"
            process = begin("nutpie", inside, 2000)
            errors = process.communicate()[1]
            kept = re.search(r"resume ([^\s`]+)`? goes on", errors)
            told = process.returncode == 2 and kept is not None
            half = [p.name for p in inside.rglob("*.writing")]
            before = Draws.load(RunFolder(inside).partial_path)
            where = Path(kept.group(1)) if kept else inside
            tree = RunFolder.open(where).draws()
            same = before is None or all(
                np.array_equal(tree["posterior"][k].to_numpy()[c, :n], v[c, :n])
                for k, v in before.posterior.items() for c, n in enumerate(before.counts)
            )  # fmt: skip
            resumed = command("resume", str(where))
            resumed.communicate()
            stored = int(before.counts.sum()) if before is not None else 0
            found[f"{kilobytes} kB"] = {
                "one message that says where, code 2": told, "half-written files left": half, "draws in it": stored,
                "the same in what was kept": bool(same), "resume there": resumed.returncode in (0, 1),
                "draws kept": int(tree["posterior"].sizes["chain"] * tree["posterior"].sizes["draw"]),
            }  # fmt: skip
            print(kilobytes, found[f"{kilobytes} kB"], flush=True)
            if kept:
                shutil.rmtree(where)
    return found


def little_memory(run: Path) -> dict[str, Any]:
    """Address space is frozen at random moments of a fit, and given back for the resume."""
    rng, codes, same, held, moment, lost = random.Random(5), [], True, None, 0.0, []
    process = begin("nutpie", run, 4000)
    for i in range(8):
        file = RunFolder(run).partial_path
        if not grown(process, file, moment):
            break
        time.sleep(rng.uniform(0.0, 1.5))
        size = int(Path(f"/proc/{process.pid}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(process.pid, resource.RLIMIT_AS, (size + (1 << 20) * rng.randrange(3), resource.RLIM_INFINITY))
        ended = time.time()
        errors = process.communicate()[1]
        told = "says that the memory does not suffice" if "memory does not suffice" in errors else "says something else"
        if process.returncode in (0, 1) or not file.exists():
            codes.append(f"{process.returncode}: {'done' if process.returncode in (0, 1) else told}")
            break
        now = kept_in(run)
        assert now is not None
        same, held = same and holds(now, held), now
        codes.append(f"{process.returncode}: {told}")
        lost.append(max(ended - written(file), 0.0))
        print(i, codes[-1], int(now.counts.sum()), flush=True)
        moment = time.time()
        process = command("resume", str(run))
    if process.poll() not in (0, 1):
        if process.poll() is not None:
            process = command("resume", str(run))
        process.communicate()
    tree = RunFolder.open(run).draws()
    kept = held is None or all(
        np.array_equal(tree["posterior"][k].to_numpy()[c, :n], v[c, :n])
        for k, v in held.posterior.items() for c, n in enumerate(held.counts)
    )  # fmt: skip
    return {"ended": codes, "stored draws kept bit for bit": bool(same), "and in the finished run": bool(kept),
            "seconds lost, most": max(lost, default=0.0), "resumed to the end": process.returncode in (0, 1)}  # fmt: skip


def main() -> None:
    found = json.loads(OUT.read_text()) if OUT.exists() else {}
    for which in sys.argv[1:] or [*LENGTHS, "disk", "memory"]:
        with tempfile.TemporaryDirectory() as place:
            run = Path(place) / "run"
            made = {"disk": full_disk, "memory": little_memory}
            result = made[which](run) if which in made else killed_and_resumed(which, run)
        found[which] = result | {"version": __version__, "date": time.strftime("%Y-%m-%d")}
        OUT.write_text(json.dumps(found, indent=1) + "\n")
        print(json.dumps(found[which], indent=1), flush=True)


if __name__ == "__main__":
    main()
