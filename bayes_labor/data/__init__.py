"""Tables in and out: the validated matched table, readers, generators and real data sets."""

from bayes_labor.data.bonuses.personnel import Personnel, personnel, read_personnel
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.joint_production.baseball import baseball, baseball_table
from bayes_labor.data.joint_production.norway import norway, norway_table
from bayes_labor.data.joint_production.workforce import Workforce, modal_industry
from bayes_labor.data.learning.baseball import baseball_teammates
from bayes_labor.data.learning.teams import Teams
from bayes_labor.data.sorting.macro import MacroSeries, Targets, macro_series, read_us_macro, read_us_targets, us_postwar
from bayes_labor.data.tables import read_table

__all__ = [
    "DataFaults",
    "Fault",
    "MacroSeries",
    "Personnel",
    "Targets",
    "Teams",
    "Workforce",
    "baseball",
    "baseball_table",
    "baseball_teammates",
    "macro_series",
    "modal_industry",
    "norway",
    "norway_table",
    "personnel",
    "read_personnel",
    "read_table",
    "read_us_macro",
    "read_us_targets",
    "us_postwar",
]
