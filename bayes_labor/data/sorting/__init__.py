"""Series and moments of the macroeconomy."""
