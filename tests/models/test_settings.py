"""Settings and options are finite and bounded before anything is compiled."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel

from bayes_labor.commands import main
from bayes_labor.commands.counterfactual import change_of
from bayes_labor.data import DataFaults, Workforce, norway_table
from bayes_labor.data.joint_production.norway import norway
from bayes_labor.models import JointProductionPriors, JointProductionSpec
from bayes_labor.models.settings import Settings
from bayes_labor.posteriors import SamplerSettings
from tests.conftest import FORMULA, make_table


def subclasses(kind: type[BaseModel]) -> list[type[BaseModel]]:
    return [kind, *(s for c in kind.__subclasses__() for s in subclasses(c))]


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_no_setting_of_any_model_may_be_infinite(value: float) -> None:
    import bayes_labor.posteriors.bonuses.system
    import bayes_labor.posteriors.sorting  # noqa: F401

    tried = 0
    for kind in subclasses(Settings):
        for name, field in kind.model_fields.items():
            if isinstance(field.default, float):
                with pytest.raises(DataFaults, match=name):
                    kind(**{name: value})
                tried += 1
    assert tried > 20
    with pytest.raises(DataFaults, match="bargaining"):
        JointProductionPriors(bargaining=(2.0, value))


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (JointProductionSpec, "threads", 10**9), (JointProductionSpec, "seed", 10**30), (JointProductionSpec, "nodes", 10**6),
        (SamplerSettings, "draws", 10**12), (SamplerSettings, "tune", 10**12), (SamplerSettings, "chains", 10**6),
        (SamplerSettings, "cores", 10**9), (SamplerSettings, "seed", 10**30), (SamplerSettings, "seed", -1),
    ],
)  # fmt: skip
def test_absurd_numbers_are_refused(kind: type[Settings], name: str, value: int) -> None:
    with pytest.raises(DataFaults, match=f"{name} = {value}"):
        kind(**{name: value})


def test_numbers_have_a_size_and_truth_values_are_none() -> None:
    for kind in subclasses(Settings):
        for name, field in kind.model_fields.items():
            if isinstance(field.default, float):
                for value in (1e300, -1e300, 1e-300, True):
                    with pytest.raises(DataFaults, match=f"^1 fault(.|\n)*{name} = "):
                        kind(**{name: value})
    for bad in ((1e-300, 2.0), (True, 2.0)):
        with pytest.raises(DataFaults, match="bargaining"):
            JointProductionPriors(bargaining=bad)
    assert JointProductionSpec(penalty=0.0, pooled=False).penalty == 0.0
    with pytest.raises(DataFaults) as caught:  # of settings within settings, each is one fault
        JointProductionSpec(softness=1e300, priors={"talent": 1e200, "noise": True})
    assert [f.what.partition(" ")[0] for f in caught.value.faults] == ["talent", "noise", "softness"]


def test_a_prior_joins_those_that_are_set(source, monkeypatch, capsys) -> None:
    seen = []
    monkeypatch.setattr("bayes_labor.posteriors.verbs.check", lambda system, data, spec: seen.append(spec) or sys.exit(0))
    words = ["check", "joint-production", *source, "--set", 'priors={"noise": 2}', "--prior", "power=3"]
    monkeypatch.setattr("sys.argv", ["bayes-labor", *words])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert seen[0].priors == JointProductionPriors(noise=2.0, power=3.0)


def test_too_many_draws_in_all_are_refused() -> None:
    with pytest.raises(DataFaults, match=r"more than .* draws in all"):
        SamplerSettings(draws=1_000_000, chains=1000)


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5, np.nan, np.inf])
def test_a_share_outside_zero_and_one_splits_nothing_off(share: float) -> None:
    with pytest.raises(DataFaults, match="splits nothing off"):
        norway(40).split(share, seed=1)


def test_a_generated_register_has_a_size() -> None:
    with pytest.raises(DataFaults, match="too many workplaces"):
        norway_table(10**12)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("settings") / "payroll.csv"
    make_table().to_csv(path, index=False)
    return [str(path), "--formula", FORMULA, "--internal", "seniority"]


OPTIONS = [
    "reproduce joint-production --holdout -5", "reproduce joint-production --holdout 0",
    "reproduce joint-production --workplaces -5", "reproduce joint-production --workplaces 1000000000000",
    "reproduce sorting --draws 0", "reproduce sorting --draws 1000000000000", "reproduce sorting --tune -1",
    "reproduce bonuses --seed -1", "reproduce learning --device moon", "compare nowhere --size 0",
    "compare nowhere --size -5", "compare nowhere --refits -1", "counterfactual nowhere --change seniority=1 --size 0",
    "prior joint-production SOURCE --draws 0", "prior joint-production SOURCE --draws 1000000000000",
    "prior joint-production SOURCE --draws -3", "prior bonuses.size table5 --draws 0",
    "calibrate joint-production SOURCE --simulations 0", "calibrate joint-production SOURCE --simulations -1",
    "calibrate joint-production SOURCE --workers 0", "calibrate joint-production SOURCE --workers 1000000000",
    "calibrate joint-production SOURCE --seed -1", "calibrate joint-production SOURCE --keep /nowhere/at/ranks.csv",
    "fit joint-production SOURCE --run run --draws 0", "fit joint-production SOURCE --run run --draws 1000000000000",
    "fit joint-production SOURCE --run run --chains 1000000", "fit joint-production SOURCE --run run --chains -1",
    "fit joint-production SOURCE --run run --tune -1", "fit joint-production SOURCE --run run --seed -1",
    "fit joint-production SOURCE --run run --engine stan", "fit joint-production SOURCE --run run --start anywhere",
    "fit joint-production SOURCE --run FILE", "fit joint-production SOURCE --run FILE/run",
    "fit joint-production SOURCE --run /proc/run", "fit bonuses.size table5 --run FILE",
    "prior joint-production SOURCE --run FILE", "prior joint-production SOURCE --run FILE/prior",
    "prior bonuses.size table5 --run FILE/prior", "reproduce sorting --run FILE/run",
    "check joint-production SOURCE --prior unemployment=NaN", "check joint-production SOURCE --prior unemployment=Infinity",
    "check joint-production SOURCE --prior noise=1e999", "check joint-production SOURCE --prior noise=-1",
    "check joint-production SOURCE --prior noise=[1]", "check joint-production SOURCE --set spec=lineal",
    "check joint-production SOURCE --settings JSON", "check joint-production SOURCE --settings BINARY",
    "fit bonuses.size table5 --run run --set errors=NaN", "data joint-production norway:1000000000000",
    "data joint-production norway:5", "check joint-production SOURCE --set priors=null",
    "check joint-production SOURCE --set priors=x", "check joint-production SOURCE --set priors=3",
    "check joint-production SOURCE --set priors=[1]", "check joint-production SOURCE --set =3",
    "check joint-production SOURCE --set =x", "check joint-production SOURCE --set priors=null --prior noise=1",
    "check joint-production SOURCE --prior unemployment=true", "check joint-production SOURCE --prior talent=1e200",
    "check joint-production SOURCE --prior unemployment_center=1e300", "check joint-production SOURCE --set softness=1e300",
    "check joint-production SOURCE --prior bargaining=[1e-300,1e-300]", "check joint-production SOURCE --set penalty=1e300",
    "check joint-production SOURCE --set threads=true", "export nowhere there --workers 99999999999999999999",
]  # fmt: skip


@pytest.mark.parametrize("words", OPTIONS)
def test_options_are_refused_before_anything_is_compiled(words: str, source, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("FILE").touch()
    Path("JSON").write_text(json.dumps({"threads": 1e9, "priors": {"noise": float("nan")}}))
    Path("BINARY").write_bytes(b"\xff\xfe\x81")

    def compiled(*_: object, **__: object) -> None:
        raise AssertionError("compiled")

    for place in ("nutpie.compile_pymc_model", "pymc.sample_prior_predictive"):
        monkeypatch.setattr(place, compiled)
    command = [w for word in words.split() for w in (source if word == "SOURCE" else [word])]
    monkeypatch.setattr("sys.argv", ["bayes-labor", *command])
    with pytest.raises(SystemExit) as left:
        main()
    text = capsys.readouterr().err
    assert left.value.code == 2, text
    assert not Path("run").exists() and Path("FILE").is_file()


@pytest.mark.parametrize("change", ['seniority+="x"', "seniority+=[1,2]", "seniority+=1e999", "seniority=null"])
def test_changes_are_numbers(change: str) -> None:
    workforce = norway(20)

    def changed() -> None:
        name, (adds, value) = change_of(change)
        workforce.changed(**{name: workforce.covariates[name] + value if adds else value})

    with pytest.raises(DataFaults):
        changed()


def test_changes_stay_within_known_categories() -> None:
    table = make_table().assign(job=lambda d: np.where(d["experience"] > 15, "cook", "clerk"))
    workforce = Workforce.from_frame(table, "job + experience + seniority", ["seniority"])
    assert (workforce.changed(job="cook").design[:, 0] == 1.0).all()
    for bad in ("pilot", None, 3.0):
        with pytest.raises(DataFaults, match=r"job .* not among"):
            workforce.changed(job=bad)


def test_records_of_earlier_releases_are_read() -> None:
    """Which had a choice of coordinates, on which no posterior depended; whoever types it today is told."""
    was = JointProductionSpec(penalty=2.0).model_dump(mode="json") | {"hierarchy": "offsets"}
    assert JointProductionSpec.recorded(was) == JointProductionSpec(penalty=2.0)
    with pytest.raises(DataFaults, match="no setting 'hierarchy'"):
        JointProductionSpec(hierarchy="offsets")
