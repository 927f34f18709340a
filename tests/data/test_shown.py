"""What a notebook shows of data and specifications."""

import pytest

from bayes_labor.data import Workforce, baseball_teammates, personnel
from bayes_labor.models import BonusSpec, JointProductionSpec


def test_data_say_what_they_are(small: Workforce) -> None:
    panel, teams = personnel("clean", seed=2), baseball_teammates(2014)
    for data, words in (
        (panel, [f"{len(panel.table):,} rows", "with a bonus", "salary", "95%"]),
        (teams, ["in 30 teams", "2014 to", "95%"]),
        (small, [f"{small.n_workers:,} workers", "experience"]),
    ):
        page = data._repr_html_()
        assert all(w in page for w in words) and "<table" in page and "\n0 " not in repr(data), page[:300]
        assert len(repr(data)) < 250


def test_a_hostile_name_stays_text() -> None:
    teams = type(baseball_teammates(2014))(baseball_teammates(2014).table, "<script>")
    assert "<script>" not in teams._repr_html_() and "&lt;script&gt;" in teams._repr_html_()


def test_settings_mark_what_was_changed() -> None:
    page = JointProductionSpec(nodes=12, priors={"beta_mean": 0.2, "laws": {"d": "beta(4, 2)"}})._repr_html_()
    assert "<b>12</b>" in page and "<b>0.2</b>" in page and "beta(4.0, 2.0)" in page and "<b>0.3</b>" not in page
    assert "<b>" not in JointProductionSpec()._repr_html_() and "<b>" not in BonusSpec()._repr_html_()


@pytest.mark.parametrize("kind", [JointProductionSpec, BonusSpec])
def test_every_setting_has_a_row(kind: type) -> None:
    assert kind()._repr_html_().count("<th") >= len(kind.model_fields)
