"""The tests of pages must fail on each of the faults that they look for; every page that any test writes goes through them."""

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.posteriors.diagnostics import Gate
from bayes_labor.posteriors.html import pictured, section, shown_table, write_page
from bayes_labor.posteriors.tables import fixed, interval, percent, printed
from tests.browser import CHROMIUM, faults_in_browser
from tests.pages import faults_of_text


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = RunFolder(tmp_path_factory.mktemp("page"))
    index = pd.MultiIndex.from_tuples([("β", f"industry {i}") for i in range(4)], names=["parameter", "term"])
    table = pd.DataFrame({"mean": [0.1, -0.2, 3.0, 1234.5], "sd": [0.012, 0.2, 1.0, 56.0]}, index)
    for name in ("hdi_low", "hdi_high", "contraction", "prior_mean", "prior_sd", "ess_bulk", "ess_tail", "r_hat"):
        table[name] = 1.0
    figure = Figure(layout="constrained")
    figure.subplots().plot([0, 1, 2], [0, 1, 0])
    shown = section(
        "Parameters", [shown_table(table, folder, "parameters", "Posterior", "A note.", [True, False, False, False])]
    )
    pictures = pictured({"shape": ("A picture", figure, "What it shows, in some words more.")}, folder)
    more = [section(f"Number {i}", text="Words. " * 40, code="priors = 1") for i in range(3)]
    failed = [Gate("R-hat", "1.2 (β), should be below 1.01", False, "run longer"), Gate("ESS", "900", True, "")]
    return write_page(
        folder.report_path, title="A page", lead="Of a test.", sections=[shown, *pictures, *more], finding="Found.",
        facts=[("workers", "12")], gates=failed, cautions=[Gate("something", "odd", False, "look")],
    )  # fmt: skip


def test_a_page_has_contents_files_and_words(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert faults_of_text(text) == []
    for file in ("tables/parameters.csv", "tables/parameters.tex"):
        assert f'href="{file}"' in text and (page.parent / file).is_file()
    assert text.index("Found.") < text.index('aria-label="Contents"') < text.index("<h2>Parameters")
    assert "The shortest" in text or "the shortest one that holds 94%" in text
    assert "What it shows, in some words more." in text.split('aria-label="shape.')[1][:80]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('<th scope="col"', "<th"),
        ('class="scroll" tabindex="0"', 'class="scroll"'),
        ('id="s2"', 'id="s1"'),
        ('href="#s1"', 'href="#elsewhere"'),
        ('aria-label="shape. What it shows, in some words more."', 'aria-label="shape"'),
        (">0.100<", ">nan<"),
        (">0.100<", ">-0.00<"),
        (">0.100<", ">\u22120%<"),
    ],
)
def test_each_fault_of_a_text_is_seen(page: Path, good: str, bad: str) -> None:
    text = page.read_text(encoding="utf-8")
    assert good in text
    assert len(faults_of_text(text.replace(good, bad, 1))) >= 1


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed")
@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("", "", ""),
        ("main { max-width: 78rem;", "main { width: 1500px;", "the page is"),
        ("--soft: #55657a;", "--soft: #aab5c2;", "has contrast"),
        ("--ink: #e4eaf1;", "--ink: #1b2a41;", "dark: H1"),
        (".picture svg { fill: var(--ink); }", "", "words of a picture"),
        ("@media (prefers-color-scheme: dark)", "@media (prefers-color-scheme: no-preference)", "does not follow"),
    ],
)
def test_each_fault_of_a_page_is_seen_in_the_browser(page: Path, tmp_path: Path, good: str, bad: str, said: str) -> None:
    text, changed = page.read_text(encoding="utf-8"), tmp_path / "changed.html"
    assert good in text
    changed.write_text(text.replace(good, bad, 1) if good else text, encoding="utf-8")
    found = faults_in_browser(changed)
    assert any(said in f for f in found) if said else found == []


@pytest.mark.parametrize(
    ("middle", "low", "high", "words"),
    [
        (9291.84, 9083.02, 9473.36, "9,292 [9,083, 9,473]"),
        (0.0866, -0.0431, 0.234, "0.087 [-0.043, 0.234]"),
        (-0.0004, -0.02, 0.02, "0.000 [-0.020, 0.020]"),
        (3.0, 3.0, 3.0, "3.000 [3.000, 3.000]"),
    ],
)
def test_digits_that_an_interval_deserves(middle: float, low: float, high: float, words: str) -> None:
    assert interval(middle, low, high) == words


def test_no_minus_before_a_zero() -> None:
    assert percent(-0.001) == "0%" and percent(-0.016) == "-2%" and percent(1.5) == "150%"
    assert fixed(-0.004, 2) == "0.00" and fixed(-0.006, 2) == "-0.01" and fixed(-1234.5, 0) == "-1,234"
    assert printed(pd.DataFrame({"contraction": [-0.004, -0.006]}))["contraction"].tolist() == ["0.00", "-0.01"]
    shown = printed(pd.DataFrame({"mean": [-0.004], "sd": [1.0], "other": [-1234.5]}))
    assert shown.iloc[0].tolist() == ["0.0", "1.0", "-1,234"]
