import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bayes_labor import __version__
from bayes_labor.data import Workforce, baseball
from bayes_labor.data.joint_production.norway import norway
from bayes_labor.posteriors import html, tables, words
from tests.browser import CHROMIUM, faults_in_browser
from tests.latex import faults_in_type
from tests.pages import faults_of_text
from tests.pictures import faults_of

# What XLA compiles here is run a few times only: it need not be good.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
SHARED = Path(__file__).resolve().parents[2] / "shared"
REFERENCE = Path(__file__).parent / "reference"
"""Golden numbers, made by other programs from the papers' equations."""
LONG = Path(__file__).parents[1] / "benchmarks" / "results" / "long_tests.json"
"""Outcomes of tests marked long."""


HEAVY = (
    "theory/learning/test_equilibrium", "custom_ops/test_ops", "posteriors/test_posteriors", "engines/test_shards",
    "engines/test_many_fits", "posteriors/bonuses/test_results", "test_examples", "bonuses/test_size", "engines/test_resume",
    "posteriors/sorting/test_results", "sorting/test_regimes",
)  # fmt: skip
"""Files of a minute and more. They go first: two processes, a file each, then end at about the same time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Heavy files first; the others as they stand."""
    places = {name: i for i, name in enumerate(HEAVY)}
    items.sort(key=lambda item: min((i for n, i in places.items() if f"{n}.py" in str(item.path)), default=len(HEAVY)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What takes long is not run in every check: when it was, and how it went, is kept beside other long evidence."""
    if "long" not in report.keywords or report.when != "call" or os.environ.get("PYTEST_XDIST_WORKER"):
        return
    held = json.loads(LONG.read_text()) if LONG.is_file() else {}
    found = {"outcome": report.outcome, "seconds": round(report.duration, 1), "version": __version__}
    held[report.nodeid] = found | {"date": time.strftime("%Y-%m-%d")}
    LONG.write_text(json.dumps(dict(sorted(held.items())), indent=1) + "\n")


@pytest.fixture(scope="session", autouse=True)
def looked_at():
    """Every picture that any test writes is looked at: an empty panel, overlapping labels or an empty legend entry fails it."""
    save = Figure.savefig

    def look(figure, *arguments, **options):
        assert not (found := faults_of(figure)), found
        return save(figure, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", look)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the real data are not beside the repository")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def read(tmp_path_factory):
    """Every page that any test writes is read, and where Chromium is installed looked at: see ``pages`` and ``browser``."""
    page = html.page

    def look(template, **words):
        text = page(template, **words)
        assert not (found := faults_of_text(text)), found
        if CHROMIUM:
            place = tmp_path_factory.mktemp("page") / "page.html"
            place.write_text(text, encoding="utf-8")
            assert not (found := faults_in_browser(place)), (words["title"], found)
        return text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(html, "page", look)
        yield


@pytest.fixture(scope="session", autouse=True)
def explained():
    """Every column of every table that any test puts on a page has its explanation."""
    explain = words.explain

    def ask(table, columns):
        found = explain(table, columns)
        missing = [c for c, shown in columns.items() if c and shown not in dict(found)]
        assert not missing, f"no words.toml explains {missing} of table {table}"
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "explain", ask)
        yield


LATEX = shutil.which("pdflatex")


@pytest.fixture(scope="session", autouse=True)
def set_in_type(tmp_path_factory):
    """Every LaTeX table that any test writes compiles, where there is LaTeX: all of them in one document at the end."""
    made, to_latex = [], tables.to_latex

    def keep(*arguments):
        made.append(to_latex(*arguments))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "to_latex", keep)
        yield
    if LATEX and made:
        assert not (found := faults_in_type(list(dict.fromkeys(made)), tmp_path_factory.mktemp("latex"))), found


def make_table(workplaces: int = 30, seed: int = 0) -> pd.DataFrame:
    """A small clean table."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 9, workplaces)
    n = int(sizes.sum())
    experience, seniority = rng.uniform(0, 30, n), rng.uniform(0, 15, n)
    log_wage = 2.5 + 0.02 * experience + 0.01 * seniority + 0.3 * rng.normal(size=n)
    return pd.DataFrame(
        {
            "worker": np.arange(n),
            "workplace": np.repeat(np.arange(workplaces), sizes),
            "industry": np.repeat(np.where(np.arange(workplaces) % 2, "trade", "services"), sizes),
            "wage": np.exp(log_wage),
            "experience": experience,
            "female": rng.integers(0, 2, n).astype(float),
            "seniority": seniority,
        }
    )


FORMULA = "experience + female + seniority + {seniority**2/100}"


@pytest.fixture
def table() -> pd.DataFrame:
    return make_table()


@pytest.fixture(scope="session")
def small() -> Workforce:
    return Workforce.from_frame(make_table(), FORMULA, ["seniority"], worker="worker", name="small")


@pytest.fixture(scope="session")
def players() -> Workforce:
    return baseball()


@pytest.fixture(scope="session")
def sample_of_norway() -> Workforce:
    return norway(workplaces=60, seed=1)
