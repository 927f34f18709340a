"""Every fault a user can make in a table or in settings: one clear error that names what, where and the remedy."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bayes_labor.commands import app, main
from bayes_labor.data import DataFaults, Workforce, baseball
from bayes_labor.data.joint_production.norway import norway
from bayes_labor.models import JointProductionPriors, JointProductionSpec, joint_production
from bayes_labor.posteriors import RunFolder, SamplerSettings
from tests.conftest import FORMULA, make_table


def put(column: str, value, row: int = 3):
    def change(t: pd.DataFrame) -> pd.DataFrame:
        t = t.astype({column: object}) if isinstance(value, str) else t
        t.loc[row, column] = value
        return t

    return change


def build(change=lambda t: t, formula: str = FORMULA, internal=("seniority",), **options):
    return lambda: Workforce.from_frame(change(make_table()), formula, list(internal), **({"worker": "worker"} | options))


def spec(**settings):
    return lambda: JointProductionSpec(**settings)


def model(name: str, **settings):
    def run():
        internal = settings.pop("internal", ["seniority"])
        formula = settings.pop("formula", FORMULA)
        return joint_production(Workforce.from_frame(make_table(), formula, internal), name, **settings)

    return run


TABLES = {
    "no rows": (build(lambda t: t.iloc[:0]), "the table has no rows"),
    "no wage column": (
        build(lambda t: t.rename(columns={"wage": "wages"})),
        "no column 'wage' for the wage.*did you mean 'wages'",
    ),
    "no workplace column": (build(lambda t: t.drop(columns="workplace")), "no column 'workplace' for the workplace"),
    "column twice": (build(lambda t: pd.concat([t, t[["wage"]]], axis=1)), "a column name occurs twice.*wage"),
    "wage missing": (build(put("wage", np.nan)), "wage is missing.*rows 3"),
    "wage zero": (build(put("wage", 0.0)), "wage is not positive.*rows 3"),
    "wage negative": (build(put("wage", -5.0)), "wage is not positive"),
    "wage infinite": (build(put("wage", np.inf)), "wage is infinite.*rows 3"),
    "wage a word": (build(put("wage", "twelve")), "wage is not a number.*rows 3"),
    "workplace missing": (build(put("workplace", np.nan)), "workplace is missing.*rows 3"),
    "single worker": (build(put("workplace", 999)), "a workplace has one worker.*999"),
    "one workplace": (build(lambda t: t.assign(workplace=1, industry="trade")), "fewer than two workplaces"),
    "worker twice": (build(put("worker", 0)), "a worker appears more than once.*workers 0"),
    "worker missing": (build(put("worker", np.nan)), "worker is missing"),
    "industry missing": (build(put("industry", None)), "industry is missing.*rows 3"),
    "two industries": (build(put("industry", "fishing")), "a workplace has several industries"),
    "unknown industry": (build(industries=["trade", "service"]), "unknown industry 'services'.*did you mean 'service'"),
    "formula unreadable": (build(formula="experience + ("), "the formula cannot be read"),
    "formula not allowed": (
        build(formula="experience + seniority + {experience.nothing()}"),
        "says what it may not: the call experience.nothing.*allowed are columns",
    ),
    "formula not evaluated": (build(formula="bs(experience, df=2) + seniority"), "the formula cannot be evaluated"),
    "unknown covariate": (build(formula="experiense + seniority"), "names 'experiense'.*did you mean 'experience'"),
    "empty formula": (build(formula="1", internal=()), "the formula has no terms"),
    "covariate missing": (build(put("experience", np.nan)), "experience is missing.*rows 3"),
    "covariate infinite": (build(put("experience", np.inf)), "experience is infinite.*rows 3"),
    "term not finite": (build(formula="{np.log(0*experience)} + seniority"), "a term of the formula is not finite"),
    "constant column": (build(lambda t: t.assign(female=1.0)), "the term 'female' does not vary"),
    "internal varies with nothing": (build(lambda t: t.assign(seniority=2.0)), "the internal term 'seniority' does not vary"),
    "collinear": (build(formula="experience + {2*experience} + seniority"), "is a combination of others"),
    "internal not in formula": (build(internal=("tenure",)), "internal variable 'tenure' does not occur"),
    "internal a string": (lambda: Workforce.from_frame(make_table(), FORMULA, "seniority"), "internal is a single string"),
    "all internal": (build(formula="seniority"), "every term is internal"),
    "no such file": (lambda: Workforce.from_file("nowhere/table.csv", FORMULA), "there is no such file"),
    "other file type": (lambda: Workforce.from_file(__file__, FORMULA), "cannot read files ending in '.py'"),
    "seasons": (lambda: baseball((1970, 1980)), "salaries are not known"),
    "too few workplaces": (lambda: norway(5), "too few workplaces"),
}
SETTINGS = {
    "unknown spec": (spec(spec="powr"), "spec = 'powr' is not known.*did you mean 'power'"),
    "unknown setting": (spec(node=8), "there is no setting 'node'.*did you mean 'nodes'"),
    "one node": (spec(nodes=1), "nodes = 1"),
    "negative penalty": (spec(penalty=-1.0), "penalty = -1"),
    "softness zero": (spec(softness=0.0), "softness = 0"),
    "unknown errors": (spec(errors="cauchy"), "errors = 'cauchy' is not known"),
    "subsample of sampled": (spec(matching="sampled", subsample=10), "subsample goes with matching='exact'"),
    "zero threads": (spec(threads=0), "threads = 0"),
    "unknown prior": (spec(priors={"gama": 1.0}), "there is no setting 'gama'"),
    "prior scale": (lambda: JointProductionPriors(noise=0.0), "noise = 0"),
    "beta prior": (lambda: JointProductionPriors(bargaining=(0.0, 2.0)), "bargaining"),
    "subsample too large": (model("power", subsample=10_000), "subsample = 10000 exceeds"),
    "no internal terms": (model("power", internal=[], formula="experience"), "needs internal terms"),
    "no linear internal": (model("linear_power", formula="experience + {seniority**2}"), "needs linear internal terms"),
    "settings twice": (
        lambda: joint_production(Workforce.from_frame(make_table(), FORMULA), JointProductionSpec(), nodes=4),
        "beside a complete",
    ),
    "no draws": (lambda: SamplerSettings(draws=0), "draws = 0"),
    "unknown engine": (lambda: SamplerSettings(engine="stan"), "engine = 'stan' is not known"),
    "no run": (lambda: RunFolder.open("nowhere"), "there is no run here"),
}


@pytest.mark.parametrize(("call", "message"), (TABLES | SETTINGS).values(), ids=(TABLES | SETTINGS).keys())
def test_one_clear_error(call, message: str) -> None:
    with pytest.raises(DataFaults) as caught:
        call()
    text = " ".join(str(caught.value).split())
    assert re.search(message, text), text
    assert all(f.what and f.where and f.remedy for f in caught.value.faults)


def test_all_faults_are_reported_together() -> None:
    t = make_table()
    t.loc[0, "wage"], t.loc[1, "wage"], t.loc[2, "workplace"] = -1.0, np.nan, 999
    with pytest.raises(DataFaults) as caught:
        Workforce.from_frame(t, "experience + sen", ["seniority"])
    text = str(caught.value)
    for part in ("wage is not positive", "wage is missing", "one worker", "names 'sen'", "internal variable 'seniority'"):
        assert part in text
    assert str(caught.value).startswith("5 faults in the input")


def test_the_command_prints_faults_without_a_traceback(tmp_path, capsys, monkeypatch) -> None:
    path = tmp_path / "t.csv"
    put("wage", -1.0)(make_table()).to_csv(path, index=False)
    monkeypatch.setattr("sys.argv", ["bayes-labor", "data", "joint-production", str(path), *_TERMS])
    with pytest.raises(SystemExit) as exit_code:
        main()
    err = capsys.readouterr().err
    assert exit_code.value.code == 2
    assert "wage is not positive" in err and "Traceback" not in err


_TERMS = ["--formula", FORMULA, "--internal", "seniority"]


def test_data_command_describes_a_sound_table(tmp_path) -> None:
    path = tmp_path / "t.parquet"
    make_table().to_parquet(path)
    result = CliRunner().invoke(app, ["data", "joint-production", str(path), *_TERMS, "--worker", "worker"])
    assert result.exit_code == 0, result.output
    assert "workplaces 30" in result.output and "yes" in result.output


@pytest.mark.parametrize("command", ["demo", "data", "check", "prior", "fit", "report"])
def test_help_teaches(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0 and len(result.output) > 200


def test_report_of_a_run_that_does_not_say_what_was_fitted(tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"sampler": {}}))
    (tmp_path / "draws.zarr").mkdir()
    monkeypatch.setattr("sys.argv", ["bayes-labor", "report", str(tmp_path)])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "does not say what was fitted" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["[1]", '{"priors": 1}'])
def test_settings_that_are_no_object(text: str, tmp_path, monkeypatch, capsys) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    monkeypatch.setattr("sys.argv", ["bayes-labor", "check", "joint-production", "norway:20", "--settings", str(path)])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "must be objects" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["unemployment", "unemployment=much"])
def test_prior_option_without_a_number(text: str, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["bayes-labor", "check", "joint-production", "norway:20", "--prior", text])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "NAME=NUMBER" in capsys.readouterr().err
