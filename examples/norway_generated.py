"""Joint production on generated data with the structure of the Norwegian register, where the truth is known."""

from bayes_labor.data.norway import TRUTH, norway
from bayes_labor.models import JointProductionSpec
from bayes_labor.posteriors import fit, report, summarize


def main(workplaces: int = 600) -> None:
    """Fit and set the posterior beside the truth."""
    workforce = norway(workplaces, seed=1)
    spec = JointProductionSpec(spec="power", matching="sampled", priors={"unemployment": 0.2})
    draws = fit(workforce, spec, run="runs/norway", overwrite=True)
    table = summarize(draws, workforce, spec)
    table.loc["β", "truth"] = TRUTH.beta
    table.loc["ψ", "truth"] = [TRUTH.psi[t] for t in table.loc["ψ"].index]
    table.loc["γ", "truth"] = [TRUTH.gamma[t] for t in table.loc["γ"].index]
    for symbol, value in {"d": TRUTH.bargaining_power, "V_U": TRUTH.unemployment_value, "σ": TRUTH.noise}.items():
        table.loc[symbol, "truth"] = value
    print(table[["truth", "mean", "sd", "hdi_low", "hdi_high", "contraction"]].round(3).to_string())
    print(report(draws, workforce, spec, "runs/norway"))


if __name__ == "__main__":
    main()
