"""What is odd about a workforce without being wrong: said wherever the data are looked at, by pages and commands."""

from collections.abc import Iterator, Sequence

import pandas as pd

from bayes_labor.data.faults import Fault, first_few
from bayes_labor.data.joint_production.workforce import Workforce

_LARGEST_LOG, _LARGEST_VARIATION = 25.0, 0.3  # e^25 is 7e10; wages of real payrolls vary by .32 of their mean and more
_ONE = "write them in one way if they are one"
_LONGEST = 100_000  # labels that are compared


def remarks(workforce: Workforce) -> list[Fault]:
    """Each with what, where, and what may be done."""
    return [*_left_out(workforce), *_filled(workforce), *_weights(workforce), *_logarithms(workforce), *_alike(workforce)]


def _left_out(workforce: Workforce) -> Iterator[Fault]:
    if workforce.left_out:
        what = "workplaces were left out, and nobody can go to them"
        yield Fault(what, workforce.left_out, "results are about the others: compare with a fit that leaves out fewer")


def _filled(workforce: Workforce) -> Iterator[Fault]:
    if workforce.filled:
        remedy = "coefficients are right if lacking it tells nothing else of a worker: compare with a fit that leaves these out"
        yield Fault("missing characteristics were filled, with indicators", workforce.filled, remedy)


def _weights(workforce: Workforce) -> Iterator[Fault]:
    weight = workforce.weight
    if workforce.is_weighted and (weight == weight[0]).all():
        remedy = "right where the same share of every workplace was drawn; weights that gross up to a country are others"
        yield Fault("all weights are equal", f"{weight[0]:g}", remedy)


def _logarithms(workforce: Workforce) -> Iterator[Fault]:
    wage = workforce.wage
    if wage.max() < _LARGEST_LOG and wage.std() < _LARGEST_VARIATION * wage.mean():
        # Extremes describe single people: they are not told.
        where = f"all below {_LARGEST_LOG:g}, standard deviation {wage.std() / wage.mean():.0%} of the mean"
        yield Fault(
            "wages look like logarithms", where, "the model is one of wages: take exp, and errors=log if wages spread so"
        )


def _alike(workforce: Workforce) -> Iterator[Fault]:
    """Labels that differ by case or blanks only: one thing written in two ways, or two things hard to tell apart."""
    labels: dict[str, Sequence[str]] = {"industry": workforce.industries, "workplace": [str(w) for w in workforce.workplaces]}
    for name, column in workforce.covariates.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            labels[str(name)] = [str(c) for c in column.cat.categories]
    for name, words in labels.items():
        groups: dict[str, list[str]] = {}
        for word in words[:_LONGEST]:
            groups.setdefault("".join(word.split()).casefold(), []).append(word)
        twice = [" and ".join(map(repr, same)) for same in groups.values() if len(same) > 1]
        if twice:
            yield Fault(f"{name} has labels that differ by case or blanks only", first_few(twice), _ONE)
