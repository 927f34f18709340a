"""``python -m bayes_labor``."""

from bayes_labor.cli import main

main()
