"""Rows in groups: means, differences from them, and parts of the rows, against the groups one by one."""

import numpy as np
import pytest

from bayes_labor.numerics.groups import Groups


@pytest.mark.parametrize("labels", [[3, 1, 3, 2, 1, 3], ["b", "a", "b", "c"], [7], [1.5, 1.5]])
def test_means_are_those_of_each_group(labels: list[object]) -> None:
    groups, given = Groups.of(labels), np.asarray(labels)
    values = np.random.default_rng(0).normal(size=(len(labels), 2))
    assert list(groups.labels) == sorted(set(labels)) and groups.counts.sum() == len(labels)
    for label, mean in zip(groups.labels, groups.means(values), strict=True):
        np.testing.assert_allclose(mean, values[given == label].mean(0))
        np.testing.assert_allclose(groups.within(values)[given == label], values[given == label] - mean)
    np.testing.assert_array_equal(groups.means(values[:, 0]), groups.means(values)[:, 0])
    assert groups.means(values[:, :0]).shape == (len(groups.labels), 0)
    assert groups.repeated == (len(set(labels)) < len(labels))


def test_some_rows_are_grouped_as_if_found_anew() -> None:
    """By place, as often as it is named, and as a mask; groups without a row are gone."""
    labels = np.array([5, 5, 6, 8, 8, 8, 9])
    groups = Groups.of(labels)
    for rows in (np.array([4, 0, 0, 3]), labels != 6, np.array([], np.int64)):
        part, anew = groups.at(rows), Groups.of(labels[rows])
        np.testing.assert_array_equal(part.labels, anew.labels)
        np.testing.assert_array_equal(part.row, anew.row)
    np.testing.assert_array_equal(groups.offsets, [0, 2, 3, 6, 7])


def test_a_group_may_have_no_rows() -> None:
    groups = Groups(np.array([1, 2, 3]), np.array([0, 2, 2]))
    np.testing.assert_array_equal(groups.counts, [1, 0, 2])
    np.testing.assert_array_equal(groups.means(np.array([4.0, 1.0, 2.0])), [4.0, 0.0, 1.5])
    np.testing.assert_array_equal(groups.offsets, [0, 1, 1, 3])
