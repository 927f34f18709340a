"""What Ferrall, Salvanes and Sorensen print for the Norwegian register of 1997: (estimate, standard error) by term."""

import pandas as pd

from bayes_labor.data.joint_production.norway import INDUSTRIES

_GAMMA_TERMS = (
    "female", "experience", "experience ** 2 / 100", "experience:female",
    "seniority", "seniority ** 2 / 100", "seniority:full_time", "seniority ** 2 / 100:full_time", "seniority:female",
    "seniority:high_education", "full_time", "education_9", "education_10_11", "education_12_13", "education_14_16",
    "education_17",
)  # fmt: skip
_NATIONAL = (
    (-0.232, 0.0080), (0.052, 0.0005), (-0.117, 0.0014), (-0.0006, 0.0005), (0.036, 0.0025), (-0.150, 0.0138), (-0.026, 0.0026),
    (0.125, 0.0139), (-0.003, 0.0007), (-0.009, 0.0003), (0.472, 0.0085), (-0.333, 0.0054), (-0.252, 0.0039), (-0.111, 0.0036),
    (0.069, 0.0042), (0.277, 0.0043),
)  # fmt: skip
_BY_INDUSTRY = (
    (-0.196, 0.0076), (0.052, 0.0005), (-0.116, 0.0014), (-0.0009, 0.0076), (0.035, 0.0023), (-0.146, 0.0128), (-0.025, 0.0024),
    (0.121, 0.0129), (-0.003, 0.0007), (-0.0075, 0.0002), (0.436, 0.0080), (-0.336, 0.0053), (-0.256, 0.0039), (-0.117, 0.0036),
    (0.091, 0.0041), (0.287, 0.0042),
)  # fmt: skip
_SCALES = (
    (10.676, 0.115), (12.236, 0.120), (10.690, 0.101), (10.352, 0.105), (10.810, 0.102), (11.259, 0.109), (12.401, 0.115),
    (9.492, 0.090),
)  # fmt: skip
_BETAS = (
    (0.067, 0.0544), (0.326, 0.0609), (0.161, 0.0534), (0.068, 0.0551), (0.162, 0.0537), (0.157, 0.0552), (0.00031, 0.0458),
    (-0.671, 0.0937),
)  # fmt: skip
_POWER_GAMMA = {
    "female": (-0.247, 0.0140), "experience": (0.060, 0.0027), "experience ** 2 / 100": (-0.134, 0.0062),
    "experience:female": (0.00147, 0.0006), "full_time": (0.479, 0.0219), "education_9": (-0.415, 0.0198),
    "education_10_11": (-0.318, 0.0150), "education_12_13": (-0.147, 0.0078), "education_14_16": (0.067, 0.0055),
    "education_17": (0.273, 0.0131),
}  # fmt: skip
_POWER_PSI = {
    "seniority": (0.087, 0.0077), "seniority ** 2 / 100": (-0.280, 0.0422), "seniority:full_time": (-0.002, 0.0066),
    "seniority ** 2 / 100:full_time": (0.032, 0.0402), "seniority:female": (-0.032, 0.0021),
    "seniority:high_education": (0.0020, 0.0008),
}  # fmt: skip


def _table(**groups: dict[str, tuple[float, float]]) -> pd.DataFrame:
    rows = {(symbol, term): pair for symbol, pairs in groups.items() for term, pair in pairs.items()}
    index = pd.MultiIndex.from_tuples(list(rows), names=["parameter", "term"])
    return pd.DataFrame(list(rows.values()), index, columns=["estimate", "se"])


ESTIMATES: dict[str, pd.DataFrame] = {
    "linear_national": _table(
        γ=dict(zip(_GAMMA_TERMS, _NATIONAL, strict=True)), A=dict.fromkeys(INDUSTRIES, (10.45, 0.102)), σ={"": (10.186, 0.001)}
    ),
    "linear": _table(
        γ=dict(zip(_GAMMA_TERMS, _BY_INDUSTRY, strict=True)), A=dict(zip(INDUSTRIES, _SCALES, strict=True)),
        σ={"": (10.036, 0.001)},
    ),
    "power": _table(
        β=dict(zip(INDUSTRIES, _BETAS, strict=True)), γ=_POWER_GAMMA, ψ=_POWER_PSI,
        d={"": (0.695, 0.0054)}, V_U={"": (-1.519, 0.3666)}, σ={"": (9.951, 0.0010)},
    ),
}  # fmt: skip
"""Table 5 (both columns) and Table 6."""

LOG_LIKELIHOOD = {
    "linear_national": -698_252.0,
    "linear": -694_579.0,
    "equal_power": -693_342.0,
    "linear_power": -692_703.0,
    "power": -692_446.0,
    "flexible": -692_429.0,
}
"""Table 5's last row and Table 7's, on 247,521 workers."""

_PARTS = ["overall", "between", "within"]
VARIATION = {
    "wage": pd.DataFrame({"data": [12.40, 8.90, 9.98], "joint": [7.29, 5.92, 5.08], "linear": [7.24, 5.25, 5.44]}, _PARTS),
    "outside option": pd.DataFrame({"joint": [5.81, 4.04, 4.63], "linear": [6.89, 4.88, 5.44]}, _PARTS),
}
"""Table 8: standard deviations. The paper's parts do not add up to its whole; ours are weighted by workers and do."""
