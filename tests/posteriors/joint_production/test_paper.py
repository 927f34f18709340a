"""Tables 1 to 4 and Figures 1 to 4 for any workforce, and a page that is there before the last fit."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import integrate

from bayes_labor.data import Workforce
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models import SPECS, JointProductionSpec, joint_production
from bayes_labor.posteriors.joint_production import paper
from bayes_labor.posteriors.joint_production.data_tables import (
    characteristics,
    coworkers,
    data_sections,
    means_by_industry,
    workplaces_by_size,
)
from bayes_labor.posteriors.joint_production.paper import reproduce, specifications
from bayes_labor.posteriors.joint_production.technology import density, technology_sections, worth
from bayes_labor.posteriors.prior import prior_draws
from tests.data.payrolls import ordinary, ordinary_table
from tests.posteriors.joint_production.test_export import drawn


@pytest.fixture(scope="module")
def payroll() -> Workforce:
    return ordinary(60, 3)


def test_tables_of_the_data_are_plain_counts_and_means(payroll: Workforce) -> None:
    sizes, names = payroll.sizes, np.array(payroll.industries)[payroll.industry]
    table = workplaces_by_size(payroll)
    for k in payroll.industries:
        assert table.loc[k, "6–20"] == np.sum((names == k) & (sizes >= 6) & (sizes <= 20))
        assert table.loc[k, "all"] == np.sum(names == k)
    assert table.loc["all", "all"] == 60 and table.loc["all", "share with 2–5"] == pytest.approx(np.mean(sizes <= 5))
    workers = characteristics(payroll)
    assert workers.loc["wage", "mean"] == pytest.approx(payroll.wage.mean())
    assert workers.loc["seniority", "kind"] == "internal" and workers.loc["school", "kind"] == "external"
    by_industry, k = means_by_industry(payroll), payroll.industries[1]
    mine = payroll.worker_industry == 1
    assert by_industry.loc[k, "school"] == pytest.approx(payroll.design[mine, payroll.terms.index("school")].mean())
    assert by_industry["workers"].sum() == payroll.n_workers


def test_coworkers_leave_out_the_worker(payroll: Workforce) -> None:
    others = np.empty(payroll.n_workers)
    for a, b in zip(payroll.offsets[:-1], payroll.offsets[1:], strict=True):
        for n in range(a, b):
            others[n] = np.mean([payroll.wage[m] for m in range(a, b) if m != n])
    row = coworkers(payroll).loc["wage"]
    assert row["overall"] == pytest.approx(others.std())
    assert row["correlation"] == pytest.approx(np.corrcoef(payroll.wage, others)[0, 1])
    assert row["overall"] ** 2 == pytest.approx(row["between"] ** 2 + row["within"] ** 2, rel=0.2)  # sizes differ


def test_talents_are_a_density_and_tasks_worth_the_same_at_the_cut_off() -> None:
    rates = np.array([0.5, 2.0, 3.0])
    assert integrate.quad(lambda a: density(rates, np.array([a]))[0], 0, np.inf)[0] == pytest.approx(1.0)
    below, above = np.array([0.4]), np.array([2.5])
    for beta in (0.3, -0.3, 0.05, -0.9):
        first, second = worth(beta, np.array([1.0]))
        assert first == second == 1.0
        assert worth(beta, below)[0] > worth(beta, below)[1] and worth(beta, above)[0] < worth(beta, above)[1]


def test_figures_of_the_technology(payroll: Workforce, tmp_path: Path) -> None:
    spec = JointProductionSpec()
    prior = prior_draws(joint_production(payroll, spec), 60, seed=1)["prior"].to_dataset()
    draws = xr.DataTree.from_dict({"posterior": prior})
    sections = technology_sections(draws, payroll, spec, RunFolder(tmp_path), 40)
    assert [s["heading"][:8] for s in sections] == ["Figure 1", "Figure 2", "Figure 3", "Figure 4"]
    assert (tmp_path / "figures" / "comparative_advantage.png").is_file() and (tmp_path / "tables" / "channels.csv").is_file()
    assert len(data_sections(payroll, RunFolder(tmp_path))) == 4


def test_the_page_is_there_after_the_first_fit(payroll: Workforce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that dies in its second fit leaves the first one's table, and those of the data."""
    real = paper.fit

    def dies(workforce: Workforce, spec: JointProductionSpec, **settings: object) -> xr.DataTree:
        if spec.spec == "linear":
            raise KeyboardInterrupt
        return real(workforce, spec, **settings)

    monkeypatch.setattr(paper, "fit", dies)
    with pytest.raises(KeyboardInterrupt):
        reproduce(payroll, tmp_path, JointProductionSpec(), draws=60, tune=100, chains=2, seed=1)
    page = (tmp_path / "paper.html").read_text(encoding="utf-8")
    assert "1 of 6 so far" in page and "Table 4: coworkers" in page and "Table 5, first columns" in page
    assert "Table 6" not in page


def test_names_of_users_do_not_hide_totals() -> None:
    table = ordinary_table(24, 5).assign(workers=lambda t: 100.0 + t["school"])
    table["industry"] = table["industry"].replace({"trade": "all"})
    named = Workforce.from_frame(table, "experience + workers + seniority", ["seniority"])
    found = workplaces_by_size(named)
    assert found.loc["all", "all"] == 8 and found.loc["all *", "all"] == 24
    pay = table.rename(columns={"wage": "pay", "school": "wage"})
    own = Workforce.from_frame(pay, "experience + wage + seniority", ["seniority"], wage="pay")
    assert {"wage", "wage *"} <= set(means_by_industry(own)) and {"wage", "wage *"} <= set(coworkers(own).index)
    means = means_by_industry(named)
    assert means["workers"].min() > 100 and means["workers *"].sum() == named.n_workers


def test_specifications_stand_side_by_side(tmp_path: Path) -> None:
    workforce = ordinary(12, 3)
    power = drawn(workforce)
    linear = power.copy()
    linear["posterior"] = xr.DataTree(power["posterior"].to_dataset().drop_vars(["beta", "psi"]))
    specifications({"power": power, "linear": linear}, workforce, RunFolder(tmp_path))
    table = pd.read_csv(tmp_path / "tables" / "specifications.csv", index_col=["parameter", "term"])
    assert list(table.columns) == [n for n in SPECS if n in ("power", "linear")]
    values = power["posterior"]["gamma"].sel(talent_term="female").to_numpy()
    assert table.loc[("γ", "female"), "power"].startswith(f"{values.mean():.4f}***")
    assert table.loc["β", "linear"].isna().all() and table.loc["β", "power"].str.contains("(", regex=False).all()
    assert table.loc[("Fit", "workers"), "linear"] == f"{workforce.n_workers:,}"
