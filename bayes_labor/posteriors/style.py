"""How every picture looks. Names that users give are text in it, whatever signs they hold."""

INK, BAND, ACCENT, GREY, FAINT, BLUSH = "#1b2a41", "#8fb8de", "#c8553d", "#9aa5b1", "#d9e4ef", "#f0c9bf"
WIDE = 9.0
"""Inches: the width of a picture, which on a page is as wide as the text."""
STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.parse_math": False,  # a $ in the name of an industry, a term or a unit is a dollar
    "figure.constrained_layout.use": True,
}


def in_legend(name: str) -> str:
    """A name as a legend's entry: matplotlib leaves out those that begin with an underscore."""
    return f" {name}" if name.startswith("_") else name
