"""Aggregate data for the sorting model: moments to calibrate to, annual series with recessions, and where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from bayes_labor.data.faults import DataFaults, Fault, did_you_mean, first_few
from bayes_labor.data.sorting.units import in_model_units

MOMENTS = ("labor share", "std log wage", "top 10%", "50-90%", "std log TFP")
"""Of the calibration, in the paper's order; revenue shares of the largest tenth of firms and of those between percentiles."""

SERIES = ("std_log_wage", "std_log_tfpr", "gdp_growth")
"""Observed by year, in this order; growth is a difference of logs."""

_DEPRECIATION = 0.10
_MOST_GROWTH, _MOST_SPREAD = 0.5, 3.0  # differences of logs in a year; standard deviation of logs
_MOST_YEARS = 1000
_RECESSIONS = (
    ("1957-08", "1958-04"), ("1960-04", "1961-02"), ("1969-12", "1970-11"), ("1973-11", "1975-03"), ("1980-01", "1980-07"),
    ("1981-07", "1982-11"), ("1990-07", "1991-03"), ("2001-03", "2001-11"), ("2007-12", "2009-06"), ("2020-02", "2020-04"),
)  # fmt: skip


class Targets(NamedTuple):
    """Observed moments and their standard errors, (5,) or (economies, 5), in the order of :data:`MOMENTS`; NaN for none."""

    value: np.ndarray
    se: np.ndarray
    economies: tuple[str, ...] = ()
    """Names of the economies or decades, where there are several."""
    covariance: np.ndarray | None = None
    """(5, 5) of one economy's moments, in the place of the squared standard errors; NaN for those that are not there."""

    @property
    def seen(self) -> np.ndarray:
        """(5,) or (economies, 5) whether there is a moment."""
        return np.isfinite(self.value)

    @property
    def whitening(self) -> np.ndarray:
        """(..., 5, 5) lower triangular W: W (moments - targets) is standard normal; zero where none is seen."""
        seen = self.seen
        if self.covariance is None:
            scales: np.ndarray = np.divide(1.0, self.se, out=np.zeros(seen.shape), where=seen)
            return scales[..., None] * np.eye(len(MOMENTS))
        kept = np.ix_(seen, seen)
        found = np.zeros((len(MOMENTS), len(MOMENTS)))
        found[kept] = np.linalg.inv(np.linalg.cholesky(self.covariance[kept]))
        return found


PAPER = Targets(np.array([0.6097, 0.7666, 0.9074, 0.0842, 0.0090]), np.array([0.01, 0.01, 0.01, 0.005, 0.0015]))
"""United States 1978-2013 as the paper gives them; it gives no standard errors, these are assumed."""


@dataclass(frozen=True)
class MacroSeries:
    """Consecutive years of a country; missing values are NaN.

    Raises
    ------
    DataFaults
        For series of different lengths, gaps between years, infinite values, growth without capital growth, or nothing seen.

    """

    years: np.ndarray
    """(T,) int."""
    observed: np.ndarray
    """(T, 3) in the order of :data:`SERIES`. Growth of the first year is not used."""
    capital_growth: np.ndarray
    """(T,) difference of logs over the year."""
    recession_months: np.ndarray | None = None
    """(T,) months in recession by an outside authority, to be set beside what the model finds."""

    def __post_init__(self) -> None:
        for name in ("years", "observed", "capital_growth", "recession_months"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, np.asarray(getattr(self, name)))
        faults, years = [], self.years
        shapes = {"observed": (len(years), len(SERIES)), "capital_growth": (len(years),)}
        for name, shape in shapes.items():
            found = np.shape(getattr(self, name))
            if found != shape:
                faults.append(Fault(f"{name} has shape {found}", "MacroSeries", f"give {shape} for {len(years)} years"))
        if len(years) < 3 or (np.diff(years) != 1).any():
            faults.append(Fault("years are not three or more in a row", "years", "one row per year; leave values NaN instead"))
        if not faults:
            faults = self._value_faults()
        if faults:
            raise DataFaults(faults)

    def _value_faults(self) -> list[Fault]:
        faults, seen = [], self.seen
        if np.isinf(self.observed).any() or np.isinf(self.capital_growth).any():
            faults.append(Fault("infinite values", "MacroSeries", "correct them, or NaN for missing"))
        lacking = np.asarray(self.years)[seen[:, 2] & np.isnan(self.capital_growth)]
        if len(lacking):
            what = f"GDP growth without capital growth in {first_few(lacking)}"
            faults.append(Fault(what, "capital_growth", "give it: the model explains what growth capital leaves over"))
        for k, name in enumerate(SERIES):
            own = self.observed[seen[:, k] & np.isfinite(self.observed[:, k]), k]
            if name != "gdp_growth" and ((own <= 0) | (own > _MOST_SPREAD)).any():
                what = f"{name} is not positive, or beyond {_MOST_SPREAD:g}"
                faults.append(Fault(what, "MacroSeries", "it is a standard deviation of logs"))
            if name == "gdp_growth" and (np.abs(own) > _MOST_GROWTH).any():
                faults.append(Fault(f"{name} beyond {_MOST_GROWTH:g}", "MacroSeries", "differences of logs: .03, not 3"))
            if len(own) > 1 and np.ptp(own) < 1e-9 * np.abs(own).max(initial=1e-9):
                faults.append(Fault(f"{name} never changes", "MacroSeries", "leave it out: it tells nothing of regimes"))
        if (np.abs(self.capital_growth[np.isfinite(self.capital_growth)]) > _MOST_GROWTH).any():
            faults.append(Fault(f"capital_growth beyond {_MOST_GROWTH:g}", "capital_growth", "differences of logs: .03, not 3"))
        months = self.recession_months
        if months is not None and ((months < 0) | (months > 12)).any():
            faults.append(Fault("recession months outside 0 to 12", "recession_months", "months of the year in recession"))
        if not seen.any():
            faults.append(Fault("no series has a value", "observed", f"give at least one of {', '.join(SERIES)}"))
        return faults

    @property
    def seen(self) -> np.ndarray:
        """(T, 3) whether there is a value that the likelihood uses."""
        seen = ~np.isnan(self.observed)
        seen[0, 2] = False
        return seen

    def between(self, first: int, last: int) -> "MacroSeries":
        """The years from ``first`` to ``last``."""
        kept = (self.years >= first) & (self.years <= last)
        months = None if self.recession_months is None else self.recession_months[kept]
        return MacroSeries(self.years[kept], self.observed[kept], self.capital_growth[kept], months)


def macro_series(table: pd.DataFrame, units: Mapping[str, str] | None = None) -> MacroSeries:
    """From a table with ``year`` and any of :data:`SERIES`, ``capital_growth`` and ``recession_months``.

    Years without a row are years in which nothing is seen; ``units`` by name, see :mod:`.units`.

    Raises
    ------
    DataFaults
        If ``year`` or every series is missing, a year has two rows, or as :class:`MacroSeries`.

    """
    if "year" not in table or not set(SERIES) & set(table):
        fault = Fault("there is no year, or no series", "macro_series", f"columns year and any of {', '.join(SERIES)}")
        raise DataFaults([fault])
    used = [c for c in ("year", *SERIES, "capital_growth", "recession_months") if c in table]
    words = [c for c in used if not pd.api.types.is_numeric_dtype(table[c])]
    if words or table["year"].isna().any():
        what = f"columns {', '.join(words)} are not numbers" if words else "rows without a year"
        raise DataFaults([Fault(what, "macro_series", "convert them; NaN for what is missing, but not for the year")])
    if (table["year"] % 1 != 0).any():
        raise DataFaults([Fault("years are not whole numbers", "macro_series", "annual series: one row per year")])
    twice = sorted(table["year"][table["year"].duplicated()].unique().astype(int))
    if twice:
        raise DataFaults([Fault(f"two rows of the year {first_few(twice)}", "macro_series", "annual series: one row per year")])
    if len(table) and np.ptp(table["year"]) > _MOST_YEARS:
        raise DataFaults(
            [Fault(f"years from {table['year'].min():g} to {table['year'].max():g}", "macro_series", "correct them")]
        )
    absent = [n for n in units or {} if n not in table]
    if absent:
        raise DataFaults([Fault(f"there is no series {absent[0]!r}", "--unit", did_you_mean(absent[0], used))])
    table = table.assign(**{n: in_model_units(n, u, table[n].to_numpy(np.float64)) for n, u in (units or {}).items()})
    known = table.set_index(table["year"].astype(np.int64))
    ordered = known.reindex(range(known.index.min(), known.index.max() + 1)) if len(known) else known
    ordered["year"] = ordered.index

    def column(name: str) -> np.ndarray:
        return ordered[name].to_numpy(np.float64) if name in ordered else np.full(len(ordered), np.nan)

    months = column("recession_months") if "recession_months" in ordered else None
    observed = np.stack([column(n) for n in SERIES], axis=1)
    return MacroSeries(ordered["year"].to_numpy(np.int64), observed, column("capital_growth"), months)


def recession_months(years: np.ndarray) -> np.ndarray:
    """(T,) months of each year after a peak up to and including the trough, by the NBER's dates since 1957."""
    months = pd.PeriodIndex(pd.period_range("1957-01", "2024-12", freq="M"))
    within = np.zeros(len(months), bool)
    for peak, trough in _RECESSIONS:
        within |= (months > pd.Period(peak, "M")) & (months <= pd.Period(trough, "M"))
    by_year = pd.Series(within).groupby(months.year).sum()
    return by_year.reindex(years).to_numpy(np.float64)


def us_postwar() -> MacroSeries:
    """United States 1959-2008 from the macroeconomic series that ship with statsmodels: growth, capital, recessions.

    Capital is cumulated from real private investment at 10% depreciation, begun at its steady state. There is no series of the
    dispersion of wages or of productivity.
    """
    from statsmodels.datasets import macrodata

    quarters = macrodata.load_pandas().data
    years = quarters.groupby("year")[["realgdp", "realinv"]].agg(["mean", "count"])
    whole = years[years["realgdp", "count"] == 4]
    gdp, investment = (whole[c, "mean"].to_numpy(np.float64) for c in ("realgdp", "realinv"))
    growth = np.log(gdp[-1] / gdp[0]) / (len(gdp) - 1)
    capital = [investment[0] / (growth + _DEPRECIATION)]
    for spent in investment[:-1]:
        capital.append((1.0 - _DEPRECIATION) * capital[-1] + spent)
    found = whole.index.to_numpy().astype(np.int64)
    missing = np.full(len(gdp), np.nan)
    observed = np.stack([missing, missing, np.append(np.nan, np.diff(np.log(gdp)))], axis=1)
    return MacroSeries(found, observed, np.append(np.nan, np.diff(np.log(capital))), recession_months(found))


def read_us_macro(folder: str | Path) -> MacroSeries:
    """Growth, capital and recession months from ``us_macro_annual.csv`` (BEA, Penn World Table, NBER) in a folder.

    The years are those with the growth of GDP and of the capital stock.
    """
    table = _read(
        folder, "us_macro_annual.csv", ("year", "dlog_gdp_real", "pwt_capital_stock_mn_2017usd", "nber_recession_months")
    )
    table = table.rename(columns={"dlog_gdp_real": "gdp_growth", "nber_recession_months": "recession_months"})
    table["capital_growth"] = np.log(table["pwt_capital_stock_mn_2017usd"]).diff()
    return macro_series(table.dropna(subset=["gdp_growth", "capital_growth"]))


def read_us_targets(folder: str | Path, first: int = 1978, last: int = 2013) -> Targets:
    """The calibration's moments from public series in a folder, as far as they exist.

    Labor share: mean of the Penn World Table's. Volatility: standard deviation of the Hodrick-Prescott cycle (smoothing 100) of
    log TFP. Revenue shares: Census receipts of 2012, firms ranked by employment, a lower bound of the top. The dispersion of
    wages is the paper's: no public series of individual wages is among these. Standard errors are assumed, as in :data:`PAPER`.
    """
    from statsmodels.tsa.filters.hp_filter import hpfilter

    annual = _read(folder, "us_macro_annual.csv", ("year", "pwt_labor_share", "pwt_rtfpna_2017eq1"))
    annual = annual[(annual["year"] >= first) & (annual["year"] <= last)]
    cycle, _ = hpfilter(np.log(annual["pwt_rtfpna_2017eq1"].to_numpy()), lamb=100)
    firms = _read(folder, "us_firms_by_size_susb_2012_receipts.csv", ("legal_form", "firms", "receipts_k_usd", "is_subtotal"))
    firms = firms[(firms["legal_form"] == "Total") & (firms["is_subtotal"] == 0)]
    top, half = (_share_of_largest(q, firms) for q in (0.1, 0.5))
    value = [float(annual["pwt_labor_share"].mean()), PAPER.value[1], top, half - top, float(np.std(cycle, ddof=1))]
    return Targets(np.array(value), PAPER.se)


def _share_of_largest(q: float, firms: pd.DataFrame) -> float:
    """Revenue share of the largest ``q`` of firms, read off the Lorenz curve through the size classes."""
    share = (firms["receipts_k_usd"] / firms["firms"]).sort_values(ascending=False).index
    ordered = firms.loc[share]
    counted, revenue = (np.append(0.0, np.cumsum(ordered[c]) / ordered[c].sum()) for c in ("firms", "receipts_k_usd"))
    return float(np.interp(q, counted, revenue))


def _read(folder: str | Path, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    path = Path(folder) / name
    if not path.is_file():
        raise DataFaults([Fault(f"there is no {name}", str(folder), "give the folder of the United States macro series")])
    table = pd.read_csv(path)
    missing = [c for c in columns if c not in table]
    if missing:
        raise DataFaults([Fault(f"columns {', '.join(missing)} are missing", str(path), "give the file as published")])
    return table
