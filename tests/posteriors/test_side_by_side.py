"""Fits side by side: one table to HTML, LaTeX, Word and CSV; what it says is what the draws say."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_labor.data import DataFaults
from bayes_labor.posteriors.diagnostics import Gate
from bayes_labor.posteriors.side_by_side import Column, side_by_side, write
from tests.latex import faults_in_type

HOSTILE = ("ex_pay & 5% $x$", "=HYPERLINK(1)", "<script>alert(1)</script>", "\\input{/etc/passwd}", "a^b ~ {c} #1")


def fit(mean: float, *, failed: bool = False, terms: tuple[str, ...] = HOSTILE, single: bool = True) -> Column:
    rng = np.random.default_rng(1)
    values = {"gamma": (("chain", "draw", "term"), mean + 0.1 * rng.normal(size=(2, 400, len(terms))))}
    values |= {"sigma": (("chain", "draw"), 8.7 + 0.2 * rng.normal(size=(2, 400)))} if single else {}
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(values, {"term": list(terms)})})
    return Column({"gamma": "γ", "sigma": "σ"}, tree, [Gate("R-hat", "1.2", not failed, "draw more")], {"workers": 12345})


@pytest.fixture
def fits() -> dict[str, Column]:
    return {"joint_1": fit(0.17), "50% & more": fit(-2.0, failed=True, terms=HOSTILE[:2], single=False)}


def test_it_says_what_the_draws_say(fits: dict[str, Column]) -> None:
    table = side_by_side(fits, stars=True, names={HOSTILE[1]: "Experience"}).table
    values = fits["joint_1"].draws["posterior"]["gamma"].isel(term=1).to_numpy().ravel()
    row = list(table.index).index(("γ", "Experience"))
    below_zero = float((values < 0).mean())
    stars = "**" if below_zero < 0.025 else "*"
    assert 0.005 < below_zero < 0.05
    assert table["joint_1"].iloc[row : row + 2].tolist() == [f"{values.mean():.3f}{stars}", f"({values.std(ddof=1):.3f})"]
    assert table["50% & more"].iloc[row].startswith("-2.") and table["50% & more"].iloc[row].endswith("***")
    assert table.loc[("Other parameters", "σ"), "50% & more"] == ""
    assert table.loc[("Fit", "workers"), "joint_1"] == "12,345" and table.loc[("Fit", "draws"), "joint_1"] == "800"
    assert table.loc[("Fit", "convergence")].tolist() == ["all gates passed", "FAILED: R-hat"]


def test_intervals_and_one_line(fits: dict[str, Column]) -> None:
    made = side_by_side(fits, intervals=True)
    joined = made.in_lines()
    assert joined.loc[("γ", HOSTILE[0]), "joint_1"].count("[") == 1 and "brackets" in made.notes
    assert joined.index.is_unique and joined.loc[("Fit", "workers"), "joint_1"] == "12,345"


@pytest.mark.parametrize("ending", [".html", ".tex", ".docx", ".csv"])
def test_what_names_hold_is_text_in_every_file(fits: dict[str, Column], ending: str, tmp_path: Path) -> None:
    pytest.importorskip("great_tables")
    made, file = side_by_side(fits, stars=True, caption="Pay & more_1"), tmp_path / f"table{ending}"
    write(made, file)
    if ending == ".html":
        text = file.read_text(encoding="utf-8")
        assert "<script>alert" not in text and "&lt;script&gt;" in text and "12,345" in text
    elif ending == ".tex":
        text = file.read_text(encoding="utf-8")
        assert r"\input{" not in text and r"\% " in text and r"$\gamma$" in text
        if shutil.which("pdflatex"):
            assert not faults_in_type([text], tmp_path)
    elif ending == ".docx":
        from docx import Document

        cells = [[c.text for c in r.cells] for r in Document(str(file)).tables[0].rows]
        assert cells[0][1:] == list(fits) and ["workers", "12,345", "12,345"] in cells and HOSTILE[2] in [c[0] for c in cells]
    else:
        assert "'=HYPERLINK(1)" in pd.read_csv(file, dtype=str)["term"].tolist()


def test_latex_that_does_not_compile_is_seen(tmp_path: Path) -> None:
    if not shutil.which("pdflatex"):
        pytest.skip("no LaTeX here")
    assert "Undefined control sequence" in faults_in_type([r"\notacommand"], tmp_path)[0]


def test_faults(fits: dict[str, Column], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataFaults, match="no fits"):
        side_by_side({})
    with pytest.raises(DataFaults, match="nothing is called 'experience'"):
        side_by_side(fits, names={"experience": "Experience"})
    with pytest.raises(DataFaults, match="two rows are called"):
        side_by_side(fits, names={HOSTILE[0]: HOSTILE[1]})
    with pytest.raises(DataFaults, match="cannot be called 'term'"):
        side_by_side({"term": fits["joint_1"]})
    with pytest.raises(DataFaults, match=r"no table is written to .pdf"):
        write(side_by_side(fits), tmp_path / "a.pdf")
    monkeypatch.setitem(__import__("sys").modules, "great_tables", None)
    with pytest.raises(DataFaults, match=r"great_tables is not installed(.|\n)*bayes-labor\[tables\]"):
        write(side_by_side(fits), tmp_path / "a.html")


def test_brackets_and_hats_are_set(tmp_path: Path) -> None:
    from bayes_labor.posteriors.tables import to_latex

    text = to_latex(pd.DataFrame({"τ\u0302": [1.0, 2.0]}, index=pd.Index(["[red]x", "v\u0302 [2]"], name="term")), "ψ, τ\u0302")
    assert r"$\hat{\tau}$" in text and r"$\hat{v}$" in text and "{[}red{]}" in text
    if shutil.which("pdflatex"):
        assert not faults_in_type([text], tmp_path)
