"""``python -m bayes_labor``."""

from bayes_labor.commands import main

main()
