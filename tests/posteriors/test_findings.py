"""The sentences at the top of every system's page say what the draws say, and no more."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_labor.data import Personnel, personnel
from bayes_labor.data.sorting.macro import MOMENTS, PAPER, MacroSeries
from bayes_labor.models import BonusSpec, DirectSpec, HurdleSpec, LearningSpec, PrizeSpec, ReceiptSpec, RegimesSpec, SortingSpec
from bayes_labor.posteriors.bonuses.finding import finding
from bayes_labor.posteriors.learning.finding import of_ranks, of_states, of_structure
from bayes_labor.posteriors.learning.system import StructuralSpec
from bayes_labor.posteriors.sayings import chance_below, listed, middle_and_ends, side
from bayes_labor.posteriors.sorting.finding import of_moments, of_series
from bayes_labor.posteriors.system import systems

NORMAL = np.random.default_rng(0).normal(size=4000)
FEW = {"demographics": False, "years": "none", "means": False, "blocks": ("levels",)}


def tree(**values: tuple[tuple[str, ...], np.ndarray, dict]) -> xr.DataTree:
    """Draws of one chain: by name the further dimensions, values (S, ...) and coordinates."""
    arrays = {
        n: xr.DataArray(np.asarray(v)[None], dims=("chain", "draw", *dims), coords=coords)
        for n, (dims, v, coords) in values.items()
    }
    return xr.DataTree.from_dict({"posterior": xr.Dataset(arrays)})


def plain(mean: float, sd: float) -> tuple:
    return (), mean + sd * NORMAL, {}


def test_every_system_says_what_it_found() -> None:
    assert [name for name, s in systems().items() if s.finding is None] == []


def test_a_sign_is_known_where_nearly_all_draws_agree() -> None:
    assert [side(m + 0.1 * NORMAL) for m in (0.2, 0.15, -0.2)] == [1, 0, -1]
    assert chance_below(0.15 + 0.1 * NORMAL) == "below zero with probability 0.07"
    assert chance_below(np.ones(5)) == "below zero with probability under 0.01"


def test_numbers_have_the_digits_of_a_reader() -> None:
    assert middle_and_ends(np.array([0.1234, 0.1234])) == "0.12 [0.12, 0.12]"
    assert middle_and_ends(np.array([123456.0])) == "120,000 [120,000, 120,000]"
    assert middle_and_ends(np.array([123.4])) == "123 [123, 123]" or middle_and_ends(np.array([123.4])) == "120 [120, 120]"
    assert listed(["a"]) == "a" and listed(["a", "b", "c"]) == "a, b and c"


@pytest.fixture(scope="module")
def panel() -> Personnel:
    table = personnel("clean", seed=5).table
    return Personnel(table[table["id"] % 80 == 0])


def levels(spec, panel: Personnel, top: float, sd: float = 0.05, dim: str = "term") -> tuple:
    """Coefficients whose highest level has this effect, the others none."""
    design = spec.design(panel)
    terms = list((getattr(design, "size", None) or getattr(design, "bonus", None) or design).terms)
    values = np.zeros((len(NORMAL), len(terms)))
    values[:, terms.index("level 5")] = top + sd * NORMAL
    return (dim,), values, {dim: terms}


@pytest.mark.parametrize(
    ("top", "words", "never"),
    [
        (np.log(3.0), "At level 5 bonuses are 3 [2.7, 3.3] times those at level 1", "settled"),
        (0.02, "Whether bonuses differ between level 5 and level 1 is not settled", "times those"),
    ],
)
def test_size(panel: Personnel, top: float, words: str, never: str) -> None:
    spec = BonusSpec(**FEW)
    said = finding(spec, panel, tree(theta=levels(spec, panel, top), tau=plain(1.0, 0.0), sigma=plain(1.0, 0.0)))
    assert words in said and never not in said
    assert "50% [50%, 50%] lies between workers" in said


def test_receipt(panel: Personnel) -> None:
    spec = ReceiptSpec(**FEW)
    said = finding(spec, panel, tree(theta=levels(spec, panel, np.log(8.0), 0.01), tau=plain(np.log(2.0), 0.0)))
    assert "At level 5 the odds of a bonus are 8 [" in said and "multiplies the odds by 2 [2, 2]" in said


@pytest.mark.parametrize(
    ("corr", "words"), [(0.5, "receive larger ones too"), (-0.5, "receive smaller ones"), (0.0, "is not settled")]
)
def test_hurdle(panel: Personnel, corr: float, words: str) -> None:
    spec = HurdleSpec(**FEW)
    spreads = {n: plain(1.0, 0.0) for n in ("tau", "sd_mu", "sigma")}
    said = finding(spec, panel, tree(theta=levels(spec, panel, 1.0), corr=plain(corr, 0.1), **spreads))
    assert words in said and "lies between workers" in said


@pytest.mark.parametrize(
    ("rho", "words"),
    [(-2.0, "Bonuses are lower where"), (2.0, "Bonuses are higher, not lower"), (0.0, "promises more is not settled")],
)
def test_prize(panel: Personnel, rho: float, words: str) -> None:
    spec = PrizeSpec(**FEW, covariates="A")
    said = finding(spec, panel, tree(theta=levels(spec, panel, 1.0), rho=plain(rho, 0.5)))
    assert words in said and "log points of bonus a log point of prize" in said


def states(boom: float, recession: float) -> tuple:
    return (
        ("state",),
        np.column_stack([boom + 0.01 * NORMAL, np.full(len(NORMAL), recession)]),
        {"state": ["boom", "recession"]},
    )


@pytest.mark.parametrize(("low", "words"), [(0.67, "log wages lie closer together"), (0.77, "is not settled")])
def test_sorting(low: float, words: str) -> None:
    fit = np.tile(PAPER.value, (len(NORMAL), 1))
    fit[:, 2] += 3.0 * PAPER.se[2]
    draws = tree(
        std_logw=states(0.77, low), log_Z=states(0.0, -0.035), psi=plain(0.34, 0.01),
        moment_fit=(("moment",), fit, {"moment": list(MOMENTS)}),
    )  # fmt: skip
    said = of_moments(SortingSpec(), PAPER, draws)
    assert words in said and f"Not met within 2 standard errors: {MOMENTS[2]} (+3.0)." in said and "productivity by 3.5" in said


@pytest.mark.parametrize(
    ("sure", "words"), [(True, "Years more likely in recession than not: 1982 and 1983."), (False, "do not tell")]
)
def test_series_that_tell_and_that_do_not(sure: bool, words: str) -> None:
    years = np.arange(1980, 1990)
    chance = np.where((years == 1982) | (years == 1983), 0.99, 0.01) if sure else np.full(10, 0.4)
    growth = np.where(chance > 0.5, -0.02, 0.03) + 0.001 * np.arange(10)
    series = MacroSeries(years, np.column_stack([np.full((10, 2), np.nan), growth]), np.full(10, 0.03))
    draws = tree(
        recession=(("year",), np.tile(chance, (len(NORMAL), 1)), {"year": years}),
        std_logw=states(0.77, 0.67), log_Z=states(0.0, -0.035), psi=plain(0.34, 0.01),
    )  # fmt: skip
    said = of_series(RegimesSpec(), series, draws)
    assert words in said and ("closer together" in said) == sure


def test_learning() -> None:
    gaps = ["more skilled", "less skilled"]
    slopes = (("gap",), np.column_stack([0.3 + 0.01 * NORMAL, 0.01 * NORMAL]), {"gap": gaps})
    said = of_ranks(LearningSpec(), None, tree(slope=slopes))
    assert "0.3 [" in said and "below zero with probability 0.5" in said and "they are not learning" in said
    said = of_states(DirectSpec(), None, tree(theta_p=plain(0.1, 0.01), theta_m=plain(0.0, 0.1)))
    assert "Workers learn from more skilled coworkers: θ+ = 0.1" in said
    assert "Whether workers learn from less skilled coworkers is not settled" in said


def test_parameters_that_moments_tell_and_do_not() -> None:
    spec = StructuralSpec(parameters=("theta_p", "theta_m"))
    said = of_structure(spec, pd.DataFrame(), tree(theta_p=plain(0.1, 0.01), theta_m=plain(0.0, 0.1)))
    assert "The moments tell theta_p (0.1" in said and "Of theta_m" in said and "mostly the prior" in said
    nothing = of_structure(StructuralSpec(parameters=("theta_m",)), pd.DataFrame(), tree(theta_m=plain(0.0, 0.1)))
    assert nothing == "The moments tell none of the parameters."
