"""Baseball players as teammates over seasons."""

from bayes_labor.data.lahman import payrolls_of, read_lahman
from bayes_labor.data.learning.teams import Teams


def baseball_teammates(first: int = 1986, last: int = 2016) -> Teams:
    """Players with their franchise and salary by season: teams for the regression on coworkers' ranks.

    Salaries rank players' pay, which contracts fix years ahead; human capital is not observed.
    """
    pay = payrolls_of(read_lahman())
    rows = pay[(pay["season"] >= first) & (pay["season"] <= last) & pay["franchise"].notna()]
    names = {"player": "worker", "franchise": "team", "season": "year", "salary": "wage"}
    return Teams(rows[list(names)].rename(columns=names).reset_index(drop=True), f"baseball teammates {first}-{last}")
