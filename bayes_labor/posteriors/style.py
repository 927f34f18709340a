"""How every picture looks."""

INK, BAND, ACCENT, GREY = "#1b2a41", "#8fb8de", "#c8553d", "#9aa5b1"
STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",
    "figure.constrained_layout.use": True,
}
