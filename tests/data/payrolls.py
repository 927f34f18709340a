"""Ordinary payrolls for tests: what a register of plants looks like, from no model of ours."""

import numpy as np
import pandas as pd

from bayes_labor.data import Workforce

FORMULA = "school + experience + {experience**2/100} + female + seniority + {seniority**2/100}"


def ordinary_table(plants: int, seed: int) -> pd.DataFrame:
    """Log-linear wages with plant effects, three industries, no interaction between coworkers."""
    rng = np.random.default_rng(seed)
    sizes = 2 + rng.geometric(1 / 12, plants)
    n, plant = int(sizes.sum()), np.repeat(np.arange(plants), sizes)
    experience = rng.uniform(0, 40, n)
    seniority = np.minimum(experience, rng.exponential(6, n))
    school, female = rng.integers(9, 18, n).astype(float), (rng.random(n) < 0.45).astype(float)
    log_wage = (
        1.2 + 0.07 * school + 0.03 * experience - 0.0004 * experience**2 + 0.01 * seniority - 0.12 * female
        + 0.15 * rng.normal(size=plants)[plant] + 0.25 * rng.normal(size=n)
    )  # fmt: skip
    industry = np.array(["manufacturing", "services", "trade"])[plant % 3]
    columns = {"workplace": plant, "industry": industry, "wage": np.exp(log_wage), "experience": experience}
    return pd.DataFrame(columns | {"seniority": seniority, "school": school, "female": female})


def ordinary(plants: int, seed: int) -> Workforce:
    """The same, read."""
    return Workforce.from_frame(ordinary_table(plants, seed), FORMULA, ["seniority"], name=f"{plants} ordinary plants")
