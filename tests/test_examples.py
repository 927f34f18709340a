"""The scripts among the examples, at small size: each begins with what its priors imply and ends with a summary and a page."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
FEW = {"draws": 20, "tune": 20, "chains": 2, "seed": 1, "second_opinion": 0}


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def said(text: str, *, prior: str, summary: str) -> None:
    """What the priors imply comes before the summary of the posterior, beside what was observed."""
    assert prior in text and "observed" in text and "r_hat" in text and summary in text
    assert text.index(prior) < text.index("r_hat")


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyMC's, that so few draws are no fit
def test_workstation(tmp_path: Path, capsys) -> None:
    script("baseball_payrolls").main(run=str(tmp_path), **FEW)
    said(capsys.readouterr().out, prior="of prior draws have an equilibrium", summary="beta[AL]")
    assert (tmp_path / "prior.png").stat().st_size > 10_000 and (tmp_path / "report.html").is_file()


@pytest.mark.long
def test_accelerator_falls_back_to_the_cpu_with_a_word(tmp_path: Path, capsys) -> None:
    import jax

    script("accelerator").main(24, run=str(tmp_path), **FEW)
    text = capsys.readouterr().out
    said(text, prior="of prior draws have an equilibrium", summary="d ")
    there = any(d.platform != "cpu" for d in jax.devices())
    assert ("no accelerator here: the CPU samples" in text) != there
    assert (tmp_path / "prior.png").is_file() and (tmp_path / "report.html").is_file()


@pytest.mark.long
@pytest.mark.parametrize("name", ["norway_generated", "teammates", "sorting_cycles", "personnel_bonuses", "learning_economy"])
def test_the_others(name: str, tmp_path: Path, capsys) -> None:
    module = script(name)
    module.main(**({"workplaces": 60} if name == "norway_generated" else {}), run=str(tmp_path), **FEW)
    text = capsys.readouterr().out
    assert text.count("observed") >= 1 and "r_hat" in text
    assert list(tmp_path.rglob("prior.png")) and list(tmp_path.rglob("report.html"))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.stem)
def test_every_example_looks_at_its_prior_first(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    sampled = max(text.find(" sample(model"), text.find(" sample(switching"))
    assert 0 < text.find("prior_check(model") < sampled
    assert "arviz_summary(" in text and ("report(" in text)
