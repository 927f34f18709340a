"""Formulas are data: what is on the list means what its writer means, everything else is refused before it is evaluated."""

import builtins
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_labor.data import DataFaults, Workforce
from bayes_labor.data.characteristics import parse
from bayes_labor.data.expressions import ELEMENTWISE
from bayes_labor.models import JointProductionSpec
from bayes_labor.models.joint_production.inputs import inputs_of
from tests.conftest import make_table

TABLE = make_table().assign(job=lambda d: np.where(d["experience"] > 15, "old", "new"), grade=lambda d: np.arange(len(d)) % 3)
TABLE["pay step"] = TABLE["grade"]
TABLE["pay.grade"] = TABLE["pay grade"] = TABLE["experience"] ** 1.5
X = TABLE["experience"].to_numpy()

HOSTILE = {
    "shell behind np": "{experience * np.testing.measure('import os; os.system(\"touch hit\")')} + seniority",
    "file written and then refused": "{open('hit','w').write('x') * experience} + seniority",
    "import": "{__import__('os').system('touch hit') + experience}",
    "call of a call": "{open('hit', 'w').write('x')(experience)}",
    "argument of a learning function": "center(open('hit', 'w')) + seniority",
    "argument of np's function": "np.log(open('hit', 'w'))",
    "keyword of a learning function": "scale(experience, ddof=open('hit', 'w'))",
    "keyword with an underscore": "center(experience, _state=open('hit', 'w'))",
    "hash function": "hashed(job, levels=3, hash_func=open)",
    "levels": "C(job, levels=open('hit', 'w'))",
    "contrasts": "C(job, contr.treatment(open('hit', 'w')))",
    "contrasts by name": "C(job, Treatment(open('hit', 'w')))",
    "Q": "Q(open('hit', 'w'))",
    "text that ends its quotes": "center(experience, '\")+open(\"hit\",\"w\")+(\"')",
    "text with backslashes": "C(job, Treatment('\\\\\")+open(\"hit\",\"w\")+(\"'))",
    "backticked code": "{`open('hit','w')` + experience}",
    "backticked keyword": "{`lambda`: open('hit', 'w')}",
    "backticks within text": "{job == '`' + open('hit', 'w') + '`'}",
    "left side": "{open('hit','w').write('x')} ~ experience",
    "left side of a learning function": "center(open('hit','w')) ~ experience",
    "second left side": "wage ~ center(open('hit','w')) ~ experience",
    "several stages": "[center(open('hit','w')) ~ experience] + seniority",
    "several parts": "experience | center(open('hit','w'))",
    "attribute": "{experience.nothing()}",
    "method": "{experience.to_csv('hit')}",
    "dunder attribute": "{experience.__class__.__mro__}",
    "dunder name": "{experience * __builtins__}",
    "reserved name": "{__FORMULAIC_CONTEXT__}",
    "subscript": "{experience[0]}",
    "subscript of builtins": "{__builtins__['open']('hit', 'w')}",
    "lambda": "{(lambda: open('hit', 'w'))()}",
    "lambda as column": "{lambda x: x}",
    "comprehension": "{[open('hit', 'w') for x in experience]}",
    "generator": "{sum(x for x in experience)}",
    "f-string": "{f'{open(1)}'}",
    "text formatting": "{'%1000000000d' % 5 * experience}",
    "format": "{'{:>999999999}'.format(1)}",
    "text repeated": "{'a' * 1000000000}",
    "walrus": "{(experience := 5)}",
    "conditional": "{experience if seniority else open('hit', 'w')}",
    "and": "{experience and open('hit', 'w')}",
    "starred": "log(*experience)",
    "double starred": "center(experience, **job)",
    "dictionary": "C(job, {'a': [1, 2]})",
    "set": "{{1, 2}}",
    "bytes": "{b'abc'}",
    "complex": "{experience * 1j}",
    "ellipsis": "{...}",
    "tower of powers": "{9**9**9**9 * experience}",
    "powers of powers": "{(((9**9)**9)**9)**9 + experience}",
    "shift": "{experience + (1 << 100000000)}",
    "long number": "{experience * " + "9" * 4000 + "}",
    "longer number": "{experience * " + "9" * 5000 + "}",
    "huge degree": "poly(experience, 100000000)",
    "huge degree by name": "bs(experience, df=100000000)",
    "formula to a power": "(experience + female + seniority + job) ** 40",
    "formula to a power of a power": "((experience + female + seniority + job) ** 9) ** 9",
    "product of sums": "*".join(["(experience + female)"] * 40),
    "formula to the power of text": "(experience + female) ** 'x'",
    "deep": "{" + "-" * 5000 + "experience}",
    "many levels": "{" + " + ".join(["experience"] * 150) + "}",
    "long": "{" + " + ".join(["experience"] * 1500) + "}",
    "eval": "eval('open(1)')",
    "exec": "{exec('1')}",
    "getattr": "{getattr(experience, 'values')}",
    "numpy file": "np.save('hit', experience)",
    "numpy load": "np.load('hit')",
    "numpy function with out": "np.log(experience, out=experience)",
    "numpy of another": "{job.np.log(experience)}",
    "other namespace": "os.system('touch hit')",
    "empty braces": "{}x",
    "unclosed": "{experience",
    "null": "{experience\0}",
    "all columns": "wage ~ .",
    "no text": None,
    "a function as a column": "log + experience",
    "a builtin as a column": "open + experience",
    "a builtin as a column in braces": "{open * experience}",
    "lag looks at other rows": "lag(experience)",
    "delete": "{del experience}",
    "await": "{await experience}",
    "yield": "{(yield experience)}",
    "assert": "{assert experience}",
    "import in a statement": "{import os}",
    "print": "{print(experience)}",
    "input": "{input()}",
    "compile": "{compile('1', '', 'eval')}",
    "globals": "{globals()}",
    "type": "{type(experience)}",
    "vars": "{vars(experience)}",
    "breakpoint": "{breakpoint()}",
    "exit": "{exit()}",
    "pandas": "{pd.read_pickle('hit')}",
    "a slice": "{experience[1:2]}",
    "matrix product": "{experience @ seniority}",
    "identity": "{experience is None}",
    "membership": "{experience in [1]}",
    "not": "{not experience}",
    "chained": "{1 < experience < 3}",
    "hashes": "{hash(experience)}",
    "text added": "{'a' + 'b'}",
    "a method of text": "{'hit'.join(job)}",
    "keyword only": "log(x=experience)",
    "unicode digits that look like code": "{ｏｐｅｎ('hit', 'w')}",
    "a string prefix": "{rb'hit'}",
    "nested braces": "{{experience}}",
    "environment": "{os.environ['HOME']}",
}  # fmt: skip


@contextmanager
def nothing_is_evaluated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A trap in Python's own evaluation, which the formula library uses."""

    def trap(*arguments: object, **_: object) -> None:
        raise AssertionError(f"evaluated: {arguments[0]}")

    with monkeypatch.context() as m:
        m.setattr(builtins, "eval", trap)
        yield


@pytest.mark.parametrize("formula", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_formulas_are_refused_unevaluated(formula: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataFaults) as caught, nothing_is_evaluated(monkeypatch):
        Workforce.from_frame(TABLE, formula, [])
    assert len(caught.value.faults) == 1 and not list(tmp_path.iterdir())
    assert "evaluated:" not in str(caught.value)


def test_the_trap_would_have_seen_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataFaults, match="evaluated"), nothing_is_evaluated(monkeypatch):
        Workforce.from_frame(TABLE, "log(experience) + seniority", [])


def test_the_refusal_lists_what_is_allowed() -> None:
    with pytest.raises(DataFaults) as caught:
        Workforce.from_frame(TABLE, "{experience.mean() + open('x')} + seniority", [])
    text = str(caught.value)
    assert "experience.mean()" in text and "open('x')" in text and "maximum" in text and "poly" in text


def design(formula: str, **changes: object) -> Workforce:
    return Workforce.from_frame(TABLE.assign(**changes), f"{formula} + seniority", ["seniority"])


VALUES = {
    "log(experience + 1)": np.log(X + 1), "np.log1p(experience)": np.log1p(X), "log10(experience + 1)": np.log10(X + 1),
    "log2(experience + 1)": np.log2(X + 1), "exp(experience/10)": np.exp(X / 10), "expm1(experience/10)": np.expm1(X / 10),
    "numpy.sqrt(experience)": np.sqrt(X), "abs(experience - 15)": abs(X - 15), "minimum(experience, 10)": np.minimum(X, 10),
    "np.maximum(experience, 10)": np.maximum(X, 10), "where(experience > 15, experience, 0)": np.where(X > 15, X, 0),
    "clip(experience, 5, 20)": np.clip(X, 5, 20), "floor(experience)": np.floor(X), "ceil(experience)": np.ceil(X),
    "sign(experience - 15)": np.sign(X - 15), "{experience**2/100}": X**2 / 100, "{experience**-0.5}": X**-0.5,
    "{experience / 10**3}": X / 1000, "{experience // 3}": X // 3, "{-experience % 3}": -X % 3,
    "{experience > 15}": X > 15, "{(experience > 5) & ~(experience >= 20)}": (X > 5) & (X < 20),
    "{(experience < 5) | (experience != experience)}": X < 5, "{job == 'old'}": X > 15, "C(job)": X > 15, "job": X > 15,
    "I(experience**2)": X**2, "`pay grade`": X**1.5, "{`pay grade` / 2}": X**1.5 / 2, "pay.grade": X**1.5,
    "`pay.grade`": X**1.5, "log(`pay.grade`)": np.log(X**1.5), "center(experience)": X - X.mean(),
    "scale(experience)": (X - X.mean()) / X.std(ddof=1), "standardize(experience)": (X - X.mean()) / X.std(),
    "wage ~ experience": X, "~ experience": X, "experience - 1": X, "0 + experience": X,
}  # fmt: skip


@pytest.mark.parametrize("formula", VALUES)
def test_what_is_allowed_means_what_its_writer_means(formula: str) -> None:
    found = design(formula)
    np.testing.assert_allclose(found.design[:, 0], VALUES[formula], rtol=1e-12)
    assert found.internal.tolist() == [False, True]


LEARNED = (
    "poly(experience, 2)", "poly(experience, degree=2, raw=True)", "bs(experience, df=4)", "bs(experience, knots=[5, 20.5])",
    "cs(experience, df=3, constraints='center')",
    "cr(experience, df=3, constraints='center')", "cc(experience, df=3, constraints='center')",
    "C(grade)", "C(grade, levels=[2, 1, 0])",
    "C(job, Treatment('old'))", "C(grade, Sum())", "C(grade, Helmert())", "C(grade, Diff())", "C(grade, Poly())",
    "center(log(experience + 1))", "log(center(experience) + 40)", "C(`pay step`)",
)  # fmt: skip


@pytest.mark.parametrize("formula", LEARNED)
def test_what_is_learned_from_the_data_holds_for_other_workers(formula: str) -> None:
    found = design(formula)
    assert found.n_terms > 1 and not found.internal[:-1].any() and found.internal[-1]
    few = found.covariates.iloc[5:40]
    np.testing.assert_allclose(found.characteristics.evaluate(few), found.design[5:40].T, rtol=1e-9, atol=1e-9)


def test_internal_variables_are_seen_in_every_way_of_naming_them() -> None:
    table = TABLE.rename(columns={"seniority": "years here"})
    ways = ["`years here`", "{`years here`/10}", "bs(`years here`, df=4)", "where(`years here` > 3, experience, 0)"]
    for way in [*ways, "`years here`:female", "center(np.log1p(`years here`))"]:
        found = Workforce.from_frame(table, f"experience + {way}", ["years here"])
        assert found.internal.tolist() == [False] + [True] * (found.n_terms - 1), way
        assert found.linear[1:].any() == (way in (*ways[:2], "`years here`:female")), way


def test_a_function_and_a_column_of_one_name_are_told_apart() -> None:
    found = design("log(experience + 1) + exp", log=1.0, exp=TABLE["female"])
    assert found.terms == ("log(experience + 1)", "exp", "seniority")


def test_a_spline_beyond_its_knots_is_a_fault() -> None:
    found = design("bs(experience, df=4)")
    with pytest.raises(DataFaults, match="cannot be evaluated"):
        found.changed(experience=100.0)


LEFT = {
    "log(wage) + 1 ~ experience": "left side 'log.wage. . 1' would not be obeyed.*errors=log",
    "log10(wage) ~ experience": "would not be obeyed.*errors=log",
    "log(pay) ~ experience": "would not be obeyed",
    "{wage/10} ~ experience": "would not be obeyed",
    "y ~ experience": "left side 'y' would not be obeyed.*write wage",
    "wage + y ~ experience": "would not be obeyed",
    "y ~ experience | workplace": "several parts",
    "experience | seniority": "several parts",
    "experience + {wage/2}": "the wage 'wage' is its own covariate",
    "experience + wage": "the wage 'wage' is its own covariate",
    "experience + Intercept": "'Intercept' names the formula's own constant",
    "experience + log(Intercept + 1)": "'Intercept' names",
}


@pytest.mark.parametrize("formula", LEFT)
def test_what_a_formula_cannot_mean_is_refused_with_the_reason(formula: str) -> None:
    with pytest.raises(DataFaults) as caught:
        Workforce.from_frame(TABLE.assign(Intercept=X), f"{formula} + seniority", ["seniority"])
    text = " ".join(str(caught.value).split())
    assert len(caught.value.faults) == 1 and re.search(LEFT[formula], text), text


def test_the_wage_goes_by_the_users_name() -> None:
    table = TABLE.rename(columns={"wage": "pay"})
    found = Workforce.from_frame(table, "pay ~ experience", wage="pay")
    assert found.terms == ("experience",)
    with pytest.raises(DataFaults, match="'pay' is its own covariate"):
        Workforce.from_frame(table, "experience + pay", wage="pay")


def test_many_columns_are_no_matter() -> None:
    names = [f"x{i}" for i in range(1500)]
    assert parse(" + ".join(names))[1] == sorted(names)
    with pytest.raises(DataFaults, match="more than 2,000 terms"):
        parse(" + ".join(f"y{i}" for i in range(2500)))


def test_every_elementwise_function_is_tried() -> None:
    assert all(any(re.search(rf"\b{name}\(", f) for f in VALUES) for name in ELEMENTWISE)


def test_parquet_is_read_by_the_same_trees(tmp_path: Path) -> None:
    TABLE.to_parquet(tmp_path / "t.parquet")
    formula = "np.log(`pay grade`) + center(seniority)"
    found = Workforce.from_file(tmp_path / "t.parquet", formula, ["seniority"])
    assert found.fingerprint == Workforce.from_frame(TABLE, formula, ["seniority"]).fingerprint
    assert isinstance(found.covariates, pd.DataFrame) and set(found.covariates) == {"pay grade", "seniority"}


@pytest.mark.parametrize("left", ["log(wage) ~", "np.log(wage)~", " numpy.log( wage ) ~"])
def test_logs_on_the_left_are_obeyed_or_refused(left: str) -> None:
    """`np.log(wage) ~ ...` was silently a model of levels."""
    found = Workforce.from_frame(make_table(), f"{left} experience + seniority", ["seniority"])
    plain = Workforce.from_frame(make_table(), "experience + seniority", ["seniority"])
    assert found.fingerprint == plain.fingerprint and found.in_logs and not plain.in_logs
    with pytest.raises(DataFaults, match="explains the logarithm of the wage"):
        inputs_of(found, JointProductionSpec())
    assert inputs_of(found, JointProductionSpec(errors="log")).columns.external_terms == ["experience"]
