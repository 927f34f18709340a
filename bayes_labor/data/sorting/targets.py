"""A user's own moments for the sorting model: some of the five, in their units, with their errors or covariances."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bayes_labor.data.faults import DataFaults, Fault, did_you_mean
from bayes_labor.data.sorting.macro import MOMENTS, PAPER, Targets
from bayes_labor.data.sorting.units import asked_units, known_unit, one_of
from bayes_labor.data.tables import Reading, read_table, renamed

_MOST_SPREAD = 3.0  # of logs
_SHARES = ("labor share", "top 10%", "50-90%")
_DEFAULT = {m: "share" if m in _SHARES else "log" for m in MOMENTS}
_NEGLIGIBLE = 1e-12


def read_targets(
    source: str,
    columns: dict[str, str],
    reading: Reading | None = None,
    *,
    unit: Sequence[str] = (),
    covariance: str = "",
) -> Targets:
    """Moments: ``paper``, or a file with a row for each of some moments.

    Parameters
    ----------
    source
        The file: columns ``moment`` (of :data:`.macro.MOMENTS`), ``value``, ``se`` unless covariances are given, and ``unit``
        where some are not in the model's units.
    columns, reading
        As of :func:`.tables.read_table`.
    unit
        ``NAME=UNIT``: ``share`` or ``percent`` of shares, ``log`` or ``log points`` of standard deviations of logs. Standard
        errors and covariances are in the same unit.
    covariance
        A file with the covariance matrix of the moments: a row and a column for each, the first column naming the rows.

    Raises
    ------
    DataFaults
        Every fault at once, by moment.

    """
    if source == "paper":
        if unit or covariance:
            raise DataFaults([Fault("the paper's moments have their units and errors", source, "give a file of your own")])
        return PAPER
    table = _rows(source, columns, reading, bool(covariance))
    scale = _scales(table, asked_units(unit), source)
    value = table["value"] * scale
    matrix = _matrix(covariance, scale, reading) if covariance else None
    se = table["se"] * scale if matrix is None else pd.Series(np.sqrt(np.maximum(np.diag(matrix), 0.0)), matrix.index)
    faults = [*_values(value, source), *_errors(value, se, source if matrix is None else covariance)]
    if faults:
        raise DataFaults(faults)
    whole = None if matrix is None else matrix.reindex(index=MOMENTS, columns=MOMENTS).to_numpy()
    return Targets(value.reindex(MOMENTS).to_numpy(), se.reindex(MOMENTS).to_numpy(), covariance=whole)


def _rows(source: str, columns: Mapping[str, str], reading: Reading | None, covariance: bool) -> pd.DataFrame:
    """By moment: value, se and unit."""
    table = renamed(read_table(source, text=[columns.get(c, c) for c in ("moment", "unit")], reading=reading), columns)
    needed = ("moment", "value") if covariance else ("moment", "value", "se")
    lacking = [c for c in needed if c not in table]
    if lacking:
        remedy = "give moment, value and se" + ("; or --covariance FILE in the place of se" if lacking == ["se"] else "")
        raise DataFaults([Fault(f"columns {', '.join(lacking)} are missing", source, remedy)])
    if covariance and "se" in table:
        raise DataFaults([Fault("there are standard errors and a covariance matrix", source, "give one of them")])
    if table.empty:
        raise DataFaults([Fault("the table has no rows", source, f"a row for each of some of: {', '.join(MOMENTS)}")])
    words = [c for c in needed[1:] if not pd.api.types.is_numeric_dtype(table[c])]
    if words:
        raise DataFaults([Fault(f"{', '.join(words)} are not numbers", source, "shares as 0.61, not as 61%")])
    found = table.set_index(table["moment"].astype(str).str.strip())
    faults = [Fault(f"there is no moment {m!r}", source, did_you_mean(m, MOMENTS)) for m in found.index if m not in MOMENTS]
    faults += [Fault(f"the moment {m!r} has two rows", source, "keep one") for m in found.index[found.index.duplicated()]]
    if faults:
        raise DataFaults(faults)
    return found.assign(**{c: found[c].astype(np.float64) for c in needed[1:]})


def _scales(table: pd.DataFrame, asked: Mapping[str, str], source: str) -> pd.Series:
    """What one of each moment's unit is in the model's."""
    absent = [m for m in asked if m not in table.index]
    if absent:
        raise DataFaults([Fault(f"there is no {m!r} in the table", "--unit", "leave its unit out") for m in absent])
    given = table["unit"].dropna().str.strip().to_dict() if "unit" in table else {}
    twice = [m for m in asked if given.get(m, asked[m]) != asked[m]]
    faults = [Fault(f"{m} is in {given[m]!r} by the table, in {asked[m]!r} by --unit", source, "say one") for m in twice]
    units = _DEFAULT | {m: u for m, u in given.items() if u} | dict(asked)
    faults += [f for m in table.index if (f := known_unit(m, units[m], source))]
    if faults:
        raise DataFaults(faults)
    return pd.Series({m: one_of(m, units[m]) for m in map(str, table.index)})


def _values(value: pd.Series, source: str) -> list[Fault]:
    faults = []
    for m, x in value.items():
        share = m in _SHARES
        if not np.isfinite(x):
            faults.append(Fault(f"{m}: value is missing or infinite", source, "complete it, or leave its row out"))
        elif x <= 0:
            what = "a share" if share else "a standard deviation"
            faults.append(Fault(f"{m} = {x:g} is not positive", source, f"it is {what}: correct it, or leave its row out"))
        elif share and x >= 1.0:
            faults.append(Fault(f"{m} = {x:g} is no share", source, f"write 0.61, not 61, or --unit '{m}=percent'"))
        elif not share and x > _MOST_SPREAD:
            remedy = f"write 0.77, not 77, or --unit '{m}=log points'"
            faults.append(Fault(f"{m} = {x:g}: logs do not spread so far", source, remedy))
    top, next_ = (value.get(m, 0.0) for m in ("top 10%", "50-90%"))
    if not faults and top + next_ > 1.0:
        faults.append(Fault("the largest tenth and the next 40% have more than all revenue", source, "correct the shares"))
    return faults


def _errors(value: pd.Series, se: pd.Series, source: str) -> list[Fault]:
    """Every moment has an error, smaller than what it can be at all."""
    faults = []
    for m in value.index:
        own = se.get(m, np.nan)
        if not (np.isfinite(own) and own > _NEGLIGIBLE):
            faults.append(Fault(f"{m}: se must be positive and finite", source, "give the standard error of the moment"))
        elif m in _SHARES and own >= 0.5:
            faults.append(Fault(f"{m}: se = {own:g} is larger than a share's can be", source, "is it in the value's unit?"))
    return faults


def _matrix(file: str, scale: pd.Series, reading: Reading | None) -> pd.DataFrame:
    """The covariance matrix of the moments in ``scale``, in the model's units."""
    table = read_table(file, reading=reading)
    names = [str(m).strip() for m in table.iloc[:, 0]]
    matrix = table.iloc[:, 1:].set_axis(names, axis=0)
    matrix.columns = [str(c).strip() for c in matrix.columns]
    known = [str(m) for m in scale.index]
    remedy = f"a row and a column for each of {', '.join(known)}, the first column naming the rows"
    if sorted(names) != sorted(known) or sorted(matrix.columns) != sorted(known):
        raise DataFaults([Fault("the covariance matrix is not of the moments of the table", file, remedy)])
    words = [str(c) for c in matrix if not pd.api.types.is_numeric_dtype(matrix[c])]
    if words:
        raise DataFaults([Fault(f"columns {', '.join(words)} are not numbers", file, remedy)])
    found = matrix.loc[known, known].astype(np.float64) * np.outer(scale, scale)
    own = found.to_numpy()
    deviations = np.sqrt(np.abs(np.diag(own)))
    if not np.isfinite(own).all():
        raise DataFaults([Fault("the covariance matrix has missing or infinite values", file, "complete it")])
    if (np.diag(own) <= 0).any():
        return found  # an error that is none: named by moment
    correlations = own / np.outer(deviations, deviations)
    if np.abs(correlations - correlations.T).max() > 1e-6:
        raise DataFaults([Fault("the covariance matrix is not symmetric", file, "give the whole matrix")])
    if np.linalg.eigvalsh(correlations)[0] < 1e-9:
        what = "the covariance matrix is not positive definite: a combination of the moments would have no error"
        raise DataFaults([Fault(what, file, "leave out a moment that follows from the others")])
    return found
