"""The picture test itself must fail on each of the faults it looks for; every picture that any test writes goes through it."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.pictures import faults_of


def picture(**change) -> Figure:
    figure = Figure(figsize=(4, 3), layout=change.get("layout", "constrained"))
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        axes.axhline(0.0)
        axes.plot([0, 1, 2], [0, 1, 0], label="median")
        axes.fill_between([0, 1, 2], [0, 0, 0], [1, 2, 1], label="band")
        axes.legend()
    return figure


def test_a_good_picture_has_no_faults() -> None:
    assert faults_of(picture()) == []


def test_an_empty_panel_is_seen() -> None:
    figure = picture()
    figure.axes[0].clear()
    figure.axes[0].axhline(0.0)
    figure.axes[0].plot([1.0], [2.0])  # one point of a line without markers
    assert faults_of(figure) == ["panel 1 is empty"]


def test_overlapping_labels_are_seen() -> None:
    figure = picture()
    figure.axes[1].set_xticks(np.linspace(0, 2, 30), ["a long label"] * 30)
    assert "panel 2: labels of the x axis overlap" in faults_of(figure)


def test_a_cut_title_is_seen() -> None:
    figure = picture(layout="none")
    figure.axes[0].set_title("a title that is much longer than the whole picture is wide, and then some")
    assert any("is cut" in f for f in faults_of(figure))


@pytest.mark.parametrize("points", [[], [1.0]])
def test_a_legend_entry_without_a_mark_is_seen(points: list[float]) -> None:
    figure = picture()
    figure.axes[0].plot(points, points, "--", label="one sd")
    figure.axes[0].legend()
    assert faults_of(figure) == ["panel 1: the legend's 'one sd' has no mark"]


def test_a_histogram_whose_first_bar_is_empty_has_its_mark() -> None:
    figure = picture()
    figure.axes[0].clear()
    figure.axes[0].hist([1.5, 1.6], [0.0, 1.0, 2.0], label="posterior")
    figure.axes[0].legend()
    assert faults_of(figure) == []
