"""Data in a notebook: one sentence on what they are, and their means and quantiles."""

import html

import pandas as pd


def described(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Rows that have a value, mean, standard deviation and the 5%, 50% and 95% quantiles of columns of numbers, by column.

    Extremes are left out: they describe single people.
    """
    found = table[columns].astype(float)
    quantiles = found.quantile([0.05, 0.5, 0.95]).T.set_axis(["5%", "50%", "95%"], axis=1)
    return pd.DataFrame({"rows": found.count(), "mean": found.mean(), "std": found.std()}).join(quantiles)


def as_html(words: str, table: pd.DataFrame) -> str:
    """A sentence and a table below it."""
    return f"<p>{html.escape(words)}</p>{table.to_html(float_format='{:,.3g}'.format)}"
