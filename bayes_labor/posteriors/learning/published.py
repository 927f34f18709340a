"""Numbers of the slides on learning on the job (November 2024), as printed; the specification lists the misprints."""

import numpy as np

CALIBRATION: dict[str, tuple[str, str, float, float]] = {
    "N_w": ("average employer size", "mean size", 4.660, 5.190),
    "b": ("p50 - p25 of wages", "p50 - p25 wages", 3.090, 6.780),
    "eta": ("between-firm share of the variance of wage ranks", "between share of ranks", 0.843, 0.463),
    "mu_q": ("mean change of wage rank", "mean change", 1.819, 3.737),
    "sigma_z": ("correlation of firm size and wage rank", "size and rank", 0.038, 0.164),
    "sigma_q": ("variance of firms' mean change of rank", "variance of team changes", 54.773, 70.098),
    "corr_zq": ("firms' mean wage, level and growth", "team level and growth", 0.131, 0.091),
    "sigma_h": ("p75 - p50 of wages", "p75 - p50 wages", 6.165, 3.262),
    "sigma_a": ("variance of changes of wage rank", "variance of change", 73.354, 174.555),
    "corr_ha": ("workers' wage, level and growth", "worker level and growth", np.nan, -0.005),
    "theta_p": ("equation 6, theta1+", "theta1+", 0.109, 0.384),
    "theta_m": ("equation 6, theta1-", "theta1-", 0.003, -0.002),
    "delta_f": ("P50 of employer size", "P50 size", 1.0, 5.0),
    "psi_E": ("P90 of employer size", "P90 size", 8.0, 7.0),
    "delta_m": ("rate into non-employment", "EN", 0.149, 0.070),
    "psi_N": ("rate into employment", "NE", 0.311, 0.353),
}
"""By parameter: its target, the name in :func:`.moments.wage_moments`, the data, the slides' model."""

MORE_MOMENTS = {
    "raw firm effects": ("variance of firm effects in equation 6", 34.409, 67.962),
    "theta2+": ("equation 6, theta2+", 0.001, -0.003),
    "theta2-": ("equation 6, theta2-", 0.000, -0.002),
    "employment": ("employment rate", 0.733, 0.823),
}

GROWTH = np.array(
    [
        [0.156, 0.002, -0.112, -0.029],
        [np.nan, 0.363, -0.011, 0.002],
        [np.nan, np.nan, 0.525, 0.072],
        [np.nan, np.nan, np.nan, 0.033],
    ]
)
"""Shares of the variance of growth, covariances doubled, in the order of :data:`.results.TERMS`."""

STRUCTURAL = {
    "firms alike in learning (σ_q = 0)": (1.050, 0.646, 1.093, 1.615),
    "workers alike in ability (σ_a = 0)": (1.009, 0.700, 0.956, 1.112),
    "no learning from coworkers (θ = 0)": (0.686, 5.582, 0.722, 0.698),
    "σ_a = σ_q = 0": (1.004, 0.518, 0.924, 0.900),
    "all three": (0.858, 2.564, 0.861, 0.904),
}
"""Mean h, variance of h, mean wage, variance of wages, relative to the baseline."""
