"""Learning on the job as systems: the regression on coworkers' ranks, states of human capital, structural parameters."""

import hashlib
from functools import cache
from typing import Any

import pandas as pd
import pymc as pm
import xarray as xr
from pydantic import Field

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.learning.baseball import baseball_teammates
from bayes_labor.data.learning.teams import Teams
from bayes_labor.data.tables import Reading, moments_with_errors, read_table, renamed
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models.learning.direct import DirectSpec, learning_direct
from bayes_labor.models.learning.regression import LearningSpec, learning_regression
from bayes_labor.models.learning.structural import PRIORS, MomentEmulator, learning_structural, priors_of
from bayes_labor.models.priors import Prior
from bayes_labor.models.settings import LARGEST_SEED, Settings
from bayes_labor.posteriors.html import section, shown_table
from bayes_labor.posteriors.learning import finding
from bayes_labor.posteriors.learning.observed import observed_changes
from bayes_labor.posteriors.learning.structural import KNOWN, known_emulator, outside_design, summarize_structural
from bayes_labor.posteriors.system import System


class StructuralSpec(Settings):
    """Structural estimation by an emulator of exact moments, where workers are alike and learn nothing."""

    parameters: tuple[str, ...] = ("sigma_z", "psi_N", "psi_E", "delta_m")
    """To estimate; the others are held at the slides' values."""
    points: int = Field(default=128, ge=16, le=4096)
    """Of the design over the prior, at which the economy is solved."""
    seed: int = Field(default=1, ge=0, le=LARGEST_SEED)
    """Of the design."""

    @property
    def table(self) -> dict[str, Prior]:
        """Priors by parameter."""
        return priors_of(self.parameters)


def read_teams(source: str, columns: dict[str, str], reading: Reading | None = None) -> Teams:
    """Workers in teams: ``baseball``, ``baseball:2011`` (from that season on), or a file with worker, team, year and wage."""
    name, _, first = source.partition(":")
    if name == "baseball" and (not first or first.isdecimal()):
        return baseball_teammates(int(first)) if first else baseball_teammates()
    ids = [columns.get(c, c) for c in ("worker", "team")]
    return Teams(renamed(read_table(source, text=ids, reading=reading), columns), source)


def read_moments(source: str, columns: dict[str, str], reading: Reading | None = None) -> pd.DataFrame:
    """Moments with standard errors: a file with columns ``moment``, ``value`` and ``se``."""
    found = moments_with_errors(source, columns, KNOWN, reading=reading)
    shares = [m for m in ("employment", "top_share") if m in found.index and found["value"][m] >= 1.0]
    if shares:
        raise DataFaults([Fault(f"{m} = {found['value'][m]:g} is no share", source, "write 0.61, not 61") for m in shares])
    return found


def describe_teams(data: Teams) -> dict[str, Any]:
    """What identifies teams."""
    t = data.table
    counts = {"rows": len(t), "workers": int(t["worker"].nunique()), "teams": int(t["team"].nunique())}
    return {"name": data.name, "fingerprint": _fingerprint(t[["worker", "team", "year", "wage"]])} | counts


def describe_moments(data: pd.DataFrame) -> dict[str, Any]:
    """What identifies moments."""
    return {"name": "moments", "fingerprint": _fingerprint(data.reset_index()), "moments": len(data)}


def _fingerprint(table: pd.DataFrame) -> str:
    return hashlib.sha256(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes()).hexdigest()[:16]


@cache
def emulator_of(spec: StructuralSpec, moments: tuple[str, ...]) -> MomentEmulator:
    """The emulator of a specification; made once per process, in seconds."""
    return known_emulator(spec.parameters, spec.points, spec.seed, moments)


def _structural(data: pd.DataFrame, spec: StructuralSpec) -> pm.Model:
    return learning_structural(emulator_of(spec, tuple(data.index)), data["value"], data["se"])


def _design(spec: StructuralSpec, data: pd.DataFrame, draws: xr.DataTree, folder: RunFolder) -> list[dict[str, Any]]:
    emulator = emulator_of(spec, tuple(data.index))
    told = shown_table(summarize_structural(draws, emulator), folder, "structural", "Structural", "Beside the prior.")
    errors = shown_table(emulator.errors().to_frame(), folder, "emulator", "Emulator", "At points left out, in prior sds.")
    outside = f"{outside_design(draws, emulator):.1%} of draws lie beyond the design, where the emulator only extrapolates."
    return [section("Emulator", [told, errors], outside)]


REGRESSION = System(
    name="learning.regression",
    title="Learning from coworkers: regression of ranks",
    lead="Changes of wage ranks of those who stay in their team, on the gaps to their coworkers' ranks the year before.",
    spec=LearningSpec,
    read=read_teams,
    build=learning_regression,
    describe=describe_teams,
    symbols={"theta": "θ", "slope": "slope", "sigma": "σ", "tau": "τ", "nu": "ν"},
    finding=finding.of_ranks,
    observed=observed_changes,
    sampler={"draws": 1000},
)
DIRECT = System(
    name="learning.direct",
    title="Learning from coworkers: states of human capital",
    lead="Human capital as a state of every worker, which grows by learning from coworkers; log wages measure it.",
    spec=DirectSpec,
    read=read_teams,
    build=learning_direct,
    describe=describe_teams,
    symbols={"theta_p": "θ+", "theta_m": "θ-", "mu_q": "μ_q"} | {f"sigma_{n}": f"σ_{n}" for n in ("h", "a", "q", "u")},
    finding=finding.of_states,
    sampler={"draws": 1000},
)
STRUCTURAL = System(
    name="learning.structural",
    title="Learning on the job: structural parameters",
    lead="Parameters of search and of firms' productivities from moments, by an emulator of exact solutions.",
    spec=StructuralSpec,
    read=read_moments,
    build=_structural,
    describe=describe_moments,
    symbols={n: n for n in PRIORS},
    finding=finding.of_structure,
    sections=_design,
    sampler={"draws": 1000},
)
