"""The joint-production model's results: tables, comparison, counterfactuals, figures, report."""
