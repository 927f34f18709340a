"""Models of bonuses and promotions as systems."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pymc as pm
import xarray as xr

from bayes_labor.data.bonuses.careers import Careers
from bayes_labor.data.bonuses.personnel import Personnel, personnel, read_personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.tables import Reading
from bayes_labor.engines.run_folder import RunFolder
from bayes_labor.models import (
    BonusSpec,
    HurdleSpec,
    PrizeSpec,
    ReceiptSpec,
    bonus_hurdle,
    bonus_receipt,
    bonus_size,
    promotion_prize,
)
from bayes_labor.models.bonuses.prize_design import PrizeDesign
from bayes_labor.models.bonuses.size import clusters_of
from bayes_labor.models.settings import Settings
from bayes_labor.posteriors.bonuses import figures, published
from bayes_labor.posteriors.bonuses.comparison import leave_one_career_out, leave_one_worker_out
from bayes_labor.posteriors.bonuses.effects import average_effects
from bayes_labor.posteriors.bonuses.finding import finding
from bayes_labor.posteriors.bonuses.fits import GATED
from bayes_labor.posteriors.bonuses.observed import observed_hurdles, observed_prizes, observed_receipts, observed_sizes
from bayes_labor.posteriors.bonuses.prior_page import TITLES, bonus_prior_page, of_bonuses
from bayes_labor.posteriors.bonuses.results import coefficients, levels_of, ordered_levels
from bayes_labor.posteriors.bonuses.robust import ROBUST, robust_errors, too_few, where_they_part, with_priors
from bayes_labor.posteriors.diagnostics import gates
from bayes_labor.posteriors.html import section, shown_table, with_figures
from bayes_labor.posteriors.system import Judged, System, plain_table

SYMBOLS = {
    "theta": "bonus",
    "chance": "promotion",
    "rise": "increase on promotion",
    "sigma": "σ, errors",
    "tau": "τ, worker effects",
    "nu": "ν, degrees of freedom",
    "rho": "ρ, prize",
    "rho_between": "ρ between workers",
    "sd_omega": "sd of ω",
    "sd_mu": "sd of μ",
    "sd_rise": "sd of errors, increase",
    "sd_bonus": "sd of errors, bonus",
    "corr": "corr. of worker effects",
    "odds": "odds of a bonus",
    "rating_cuts": "cut points of rating",
    "rating_slope": "rating",
}
_LEADS = {
    "bonus-size": "Log bonus on levels, age, tenure and ratings; slopes within workers where their means are regressors.",
    "bonus-receipt": "Log odds of a bonus. Without year effects slopes of level absorb any rise of bonuses over time.",
    "bonus-hurdle": "Who receives a bonus and how large it is, jointly: worker effects on both are correlated.",
    "promotion-prize": "Chance of promotion, increase on promotion, and the effect on the log bonus of their product.",
}


def read(
    source: str,
    columns: dict[str, str],
    reading: Reading | None = None,
    *,
    gaps: str = "refuse",
    demotions: str = "refuse",
    firm: str = "",
    level_order: Sequence[str] = (),
    rating_order: Sequence[str] = (),
    count: bool = False,
) -> Personnel:
    """A panel: ``personnel``, ``table5``, ``table6``, ``exogenous`` or ``clean`` (generated), or a file.

    ``columns`` names the file's, e.g. ``{"id": "person"}``; the others as of :class:`.careers.Careers`.
    """
    careers = Careers(gaps, demotions, firm, level_order, rating_order, count)
    if Path(source).suffix:
        return read_personnel(source, columns, reading, careers)
    if careers != Careers():
        what = "generated personnel have neither gaps nor demotions nor words"
        raise DataFaults([Fault(what, source, "leave what is said of careers out, or give a file")])
    return personnel() if source == "personnel" else personnel(source)  # type: ignore[arg-type]


def describe(data: Personnel) -> dict[str, Any]:
    """What identifies a panel."""
    counts = {"rows": len(data.table), "with a bonus": len(data.with_bonus)}
    return {"name": data.name, "fingerprint": data.fingerprint} | counts


def _used(spec: Any, data: Personnel) -> int:
    design = spec.design(data)
    return len((design.promotion if isinstance(design, PrizeDesign) else of_bonuses(design)).outcome)


def _judge(spec: Settings, data: Personnel, draws: xr.DataTree) -> Judged:
    """Gates; and a caution where posterior standard deviations part from errors clustered by worker."""
    found = gates(draws, [n for n in GATED if n in draws["posterior"]])
    if not (isinstance(spec, BonusSpec) and spec.sums_out):
        return Judged(found)
    table = robust_errors(draws, data, spec)

    def beside(folder: RunFolder) -> Sequence[dict[str, Any]]:
        note = "Posterior standard deviations beside errors clustered by worker, which hold whatever the errors' variances."
        note += (
            " The first are those of normal errors: elsewhere on this page coefficients have the second." if spec.robust else ""
        )
        return [section("Two errors", [shown_table(table, folder, "robust", "Two errors", note)])]

    workers = len(clusters_of(data, spec.design(data)).labels)
    return Judged(found, too_few(workers) if spec.robust else where_they_part(table), beside)


def _summarize(spec: BonusSpec, data: Personnel, draws: xr.DataTree) -> pd.DataFrame:
    """The parameter table; robust coefficients beside the priors of those of the likelihood."""
    return plain_table(bonus_size(data, with_priors(spec)), draws, SYMBOLS)


def _explain(spec: BonusSpec, data: Personnel) -> str:
    """What robust coefficients are."""
    return ROBUST if spec.robust else ""


def _sections(spec: Any, data: Personnel, draws: xr.DataTree, folder: RunFolder) -> list[dict[str, Any]]:
    """Effects of levels and of the prize, where the model has them."""
    design, found = of_bonuses(spec.design(data)), []
    levels, below = levels_of(data, spec, design)
    if levels:
        order, of = ordered_levels(draws, levels, below), "log odds" if isinstance(spec, ReceiptSpec) else "log bonus"
        against = f"Bayes factor of rising effects against effects of any order: {order.bayes_factor:.0f}"
        words = f"P(effects of levels rise): {order.probability:.3f}. {against} (at most {1 / order.prior:.0f})."
        picture = figures.level_figure(coefficients(draws, levels), levels, of)
        found.append(with_figures(section("Levels", [], words), folder, levels=picture))
    if isinstance(spec, HurdleSpec) or (isinstance(spec, ReceiptSpec) and spec.effects != "conditional"):
        found.append(section("Average effects", [_effects(spec, data, draws, folder)]))
    if "rho" in draws["posterior"]:
        rho = draws["posterior"]["rho"].to_numpy().ravel()
        picture = figures.prize_figure({"this fit": rho}, published.TABLE6["A"][4][:2], None)
        found.append(with_figures(section("Prize", [], f"P(ρ < 0): {(rho < 0).mean():.3f}."), folder, prize=picture))
    return found


def _effects(spec: Any, data: Personnel, draws: xr.DataTree, folder: RunFolder) -> dict[str, Any]:
    note = (
        "A level, tenure or rating instead of the base, a year of age, or one unit more, for every row, all else as it is; "
        "worker effects are integrated over their law. Averages over rows. Chances are shares: .05 is five bonuses more in 100."
    )
    return shown_table(average_effects(draws, data, spec), folder, "effects", "Average effects", note)


def _prior(kind: str, spec: Settings, data: Personnel, folder: Path, draws: int) -> pd.DataFrame:
    return bonus_prior_page(kind, data, with_priors(spec), folder, draws=draws)


def _compare(fits: Mapping[str, tuple[xr.DataTree, Any]], data: Personnel, size: int, refits: int) -> pd.DataFrame:
    return leave_one_worker_out(fits, data, size=min(size, 400))


def _compare_careers(observed: Any, fits: Mapping[str, tuple[xr.DataTree, Any]], data: Personnel, size: int, _: int) -> Any:
    return leave_one_career_out(fits, data, observed, size=min(size, 400))


def _system(name: str, kind: str, spec: type[Settings], build: Callable[..., pm.Model], observed: Any, **more: Any) -> System:
    words: dict[str, Any] = {"title": TITLES[kind], "lead": _LEADS[kind], "symbols": SYMBOLS}
    verbs: dict[str, Any] = {
        "describe": describe,
        "sections": _sections,
        "judge": _judge,
        "prior": partial(_prior, kind),
        "used": _used,
        "finding": finding,
        "observed": observed,
        "compare": partial(_compare_careers, observed),
    }
    return System(name=name, spec=spec, read=read, build=build, sampler={"draws": 1000}, **words, **(verbs | more))


_SIZES: dict[str, Any] = {"summarize": _summarize, "explain": _explain, "compare": _compare}
SIZE = _system("bonuses.size", "bonus-size", BonusSpec, bonus_size, observed_sizes, **_SIZES)
RECEIPT = _system("bonuses.receipt", "bonus-receipt", ReceiptSpec, bonus_receipt, observed_receipts)
HURDLE = _system("bonuses.hurdle", "bonus-hurdle", HurdleSpec, bonus_hurdle, observed_hurdles)
PRIZE = _system("bonuses.promotion-prize", "promotion-prize", PrizeSpec, promotion_prize, observed_prizes)
