"""Workers in teams over years from a solved economy of learning on the job: what a register records, and what it does not."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_labor.data.learning.teams import Teams

if TYPE_CHECKING:
    from bayes_labor.theory.learning.equilibrium import SolvedEconomy
    from bayes_labor.theory.learning.simulation import Economy


def simulated_careers(solution: "SolvedEconomy", years: int, seed: int) -> "tuple[pd.DataFrame, list[Economy]]":
    """Follow everybody in a solved economy.

    Parameters
    ----------
    solution
        See :func:`bayes_labor.theory.learning.equilibrium.solve_equilibrium`.
    years
        How many snapshots, a year apart.
    seed
        Of what happens.

    Returns
    -------
    tuple[pd.DataFrame, list[Economy]]
        A row per living worker and year: ``worker``, ``team`` (missing in non-employment), ``year``, ``wage``, ``tenure`` and
        what no register holds: ``log_h``, ``log_a``, ``log_q``, ``log_z``; and the economies themselves.

    """
    from bayes_labor.theory.learning.simulation import simulate

    economy, tables, found = solution.economy, [], []
    seeds = np.random.default_rng(seed).integers(1 << 31, size=years)
    for year in range(years):
        economy, _ = simulate(economy, solution.value, solution.p, solution.born, 1.0, int(seeds[year]), solution.worker)
        tables.append(_snapshot(economy, year))
        found.append(economy)
    table = pd.concat(tables, ignore_index=True)
    table["worker"] = table.groupby(["place", "born"]).ngroup()
    table["team"] = table.groupby(["employer", "firm_born"]).ngroup().where(table["employer"] >= 0)
    return table.drop(columns=["place", "born", "employer", "firm_born"]), found


def employed_in(careers: pd.DataFrame, name: str = "simulated teams") -> Teams:
    """Only rows with a job, as the table of the learning regression."""
    rows = careers[careers["team"].notna()]
    return Teams(rows[["worker", "team", "year", "wage"]].astype({"team": np.int64}), name)


def _snapshot(economy: "Economy", year: int) -> pd.DataFrame:
    """A worker's place is taken by another when he retires, a firm's when it dies: dates of birth tell them apart."""
    firm, work = np.maximum(economy.employer, 0), economy.employer >= 0
    firms = {"firm_born": economy.firm_born, "log_q": economy.log_q, "log_z": economy.log_z}
    columns = {"place": np.arange(len(work)), "born": economy.born, "employer": economy.employer, "year": year}
    columns |= {"wage": economy.wage, "tenure": economy.clock[0] - economy.hired}
    columns |= {"log_h": economy.log_h, "log_a": economy.log_a}
    return pd.DataFrame(columns | {n: np.where(work, v[firm], np.nan) for n, v in firms.items()})
