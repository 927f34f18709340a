"""What a person would see wrong with a picture: an empty panel, labels that overlap or are cut, an entry without its mark."""

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import Bbox

_SLACK = 1.5  # pixels


def faults_of(figure: Figure) -> list[str]:
    """Everything that is wrong, in words; empty for a good picture."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    found: list[str] = []
    for i, axes in enumerate(a for a in figure.axes if a.get_visible() and a.axison):
        where = f"panel {i + 1}" + (f" ({axes.get_xlabel()})" if axes.get_xlabel() else "")
        if not any(_drawn(axes, artist) for artist in (*axes.lines, *axes.collections, *axes.patches, *axes.images)):
            found.append(f"{where} is empty")
        found += [f"{where}: {what}" for what in (*_labels(axes, renderer), *_legend(axes))]
        found += [f"{where}: {text.get_text()!r} is cut" for text in _texts(axes) if _cut(text, figure, renderer)]
    return found


def _drawn(axes: Axes, artist: Any) -> bool:
    """Whether an artist of the data leaves a mark inside the panel; lines across the whole panel are no data."""
    if not artist.get_visible():
        return False
    if isinstance(artist, Line2D):
        across = artist.get_transform() in (axes.get_xaxis_transform(which="grid"), axes.get_yaxis_transform(which="grid"))
        return not across and _marks(axes, artist)
    if isinstance(artist, Collection):
        boxes = [axes.transData.transform(p.vertices) for p in artist.get_paths() if len(p.vertices)]
        offsets = artist.get_offsets()
        return (
            bool(len(offsets)) if not boxes else any(np.ptp(b[np.isfinite(b).all(1)], axis=0).max(initial=0) > 1 for b in boxes)
        )
    if isinstance(artist, Patch):
        return artist.get_window_extent().width > 0 and artist.get_window_extent().height > 0
    return True


def _marks(axes: Axes, line: Line2D) -> bool:
    """A line without markers needs two points; with markers one."""
    x, y = (np.asarray(line.get_data()[k], dtype=float) for k in (0, 1))
    known = np.isfinite(x) & np.isfinite(y)
    marker = line.get_marker() not in (None, "None", "", " ")
    stroke = line.get_linestyle() not in (None, "None", "", " ")
    adjacent = bool((known[1:] & known[:-1]).any())
    return bool(known.any()) and (marker or (stroke and adjacent))


def _legend(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    if legend is None:
        return []
    own = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    return [
        f"the legend's {text.get_text()!r} has no mark"
        for text in legend.get_texts()
        if text.get_text() in own and not _counts(axes, own[text.get_text()])
    ]


def _counts(axes: Axes, handle: Any) -> bool:
    """Whether the entry's own artist leaves a mark; the bars of a histogram bear the label on their first one only."""
    parts = handle if isinstance(handle, tuple) else (handle,)
    return any(_counts_alone(axes, p) for p in parts)


def _counts_alone(axes: Axes, part: Any) -> bool:
    if isinstance(part, Line2D):
        return _marks(axes, part)
    if isinstance(part, Patch):
        return any(_drawn(axes, p) for p in axes.patches if p.get_facecolor() == part.get_facecolor())
    return not hasattr(part, "get_visible") or _drawn(axes, part)


def _labels(axes: Axes, renderer: Any) -> list[str]:
    """Tick labels of one axis that run into each other."""
    found = []
    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = [t for t in (*axis.get_major_ticks(), *axis.get_minor_ticks()) if low <= t.get_loc() <= high]
        texts = [t.label1 for t in ticks if t.label1.get_visible() and t.label1.get_text()]
        boxes = sorted(
            (t.get_window_extent(renderer) for t in texts), key=lambda b: (b.x0, b.y0) if name == "x" else (b.y0, b.x0)
        )
        if any(_overlap(a, b) for a, b in pairwise(boxes)):
            found.append(f"labels of the {name} axis overlap")
    return found


def _overlap(a: Bbox, b: Bbox) -> bool:
    both = Bbox.intersection(a, b)
    return both is not None and both.width > _SLACK and both.height > _SLACK


def _texts(axes: Axes) -> list[Any]:
    return [t for t in (axes.xaxis.label, axes.yaxis.label, axes.title, *axes.texts) if t.get_visible() and t.get_text()]


def _cut(text: Any, figure: Figure, renderer: Any) -> bool:
    box, page = text.get_window_extent(renderer), figure.bbox
    return box.x0 < page.x0 - _SLACK or box.y0 < page.y0 - _SLACK or box.x1 > page.x1 + _SLACK or box.y1 > page.y1 + _SLACK
