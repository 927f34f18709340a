"""Bonuses and promotion tournaments: results, tables, figures and the page of the paper."""
