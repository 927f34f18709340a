"""Tables in and out: the validated matched table, readers, generators and real data sets."""

from bayes_labor.data.baseball import baseball, baseball_table
from bayes_labor.data.faults import DataFaults, Fault
from bayes_labor.data.norway import norway, norway_table
from bayes_labor.data.workforce import Workforce, modal_industry, read_table

__all__ = [
    "DataFaults",
    "Fault",
    "Workforce",
    "baseball",
    "baseball_table",
    "modal_industry",
    "norway",
    "norway_table",
    "read_table",
]
