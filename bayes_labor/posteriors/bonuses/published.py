"""What the paper prints, with its slips mended: columns in its order, estimate ± standard error.

The test of a zero age semi-elasticity in Table 5 repeats that of levels in columns 7 and 8; column 7 is that of the same
regression in Table 4, column 8 is unknown. Standard deviations stand in the parentheses of Table 1.
"""

import re
from typing import Any

Entry = tuple[float, float] | None


def _read(text: str) -> dict[str, Any]:
    """By name, a tuple of cells: a number, a tuple of an estimate with its errors, or None for a point."""
    rows = (line.split(":") for line in text.strip().splitlines())
    return {name: tuple(map(_cell, cells.split())) for name, cells in rows}


def _cell(text: str) -> Any:
    found = tuple(map(float, re.findall(r"-?[\d.]*\d", text)))
    return (found if len(found) > 1 else found[0]) if found else None


TABLE1: dict[str, tuple[float, ...]] = _read("""
N:                1037     1560     2546     3001      284     8428
bonus:         2643.17   3728.3  4906.18 11311.45 48421.73  8156.82
bonus_sd:      3077.61  3662.42  4594.66 13145.72 31707.32 13192.82
salary:       34411.71 40716.63 50675.19 72586.74 145954.1 57843.58
salary_sd:     8522.34  6823.56  8289.93 15268.31 60317.87 26831.04
ratio:           0.075     0.09    0.095    0.145    0.316    0.117
ratio_sd:        0.066    0.073    0.066    0.119    0.119    0.102
promoted:        0.272    0.254    0.173    0.012    0.254    0.146
age:              35.4       37     38.6     41.3     45.9     39.1
age_sd:            9.7      9.1      8.5      7.8      7.5      8.8
ten_level:         2.1      2.6        3      4.2      4.4      3.3
ten_level_sd:      1.7      2.1      2.4      3.2      3.7      2.8
ten_firm:          2.1      4.6      6.4      8.3      9.7      6.1
ten_firm_sd:       1.7      2.8      3.4      3.6      3.6      3.8
rating:           1.82     1.78     1.59     1.53      1.6     1.63
rating_sd:        0.72     0.62     0.59      0.6      0.7     0.63
rated:            0.64     0.74     0.74     0.67     0.51     0.69
""")
"""By level 1 to 5, and all."""

TABLE2: dict[str, tuple[Entry, ...]] = _read("""
level 2:           0.474±0.057  0.489±0.058   0.37±0.062  0.492±0.058  1.144±0.108  1.474±0.122  1.345±0.144  1.644±0.146
level 3:           0.999±0.055  1.032±0.057   0.926±0.06  1.035±0.057  2.356±0.152  3.009±0.195  2.874±0.218  3.305±0.253
level 4:           1.333±0.061  1.384±0.063  1.274±0.067  1.407±0.064  2.544±0.212   3.55±0.282  3.404±0.312   4.003±0.38
level 5:           1.615±0.128  1.632±0.128  1.484±0.133  1.634±0.128   0.847±0.97  1.937±1.118  1.811±1.171   2.53±1.291
rating 2:         -0.715±0.037  -0.71±0.037 -0.708±0.038 -0.719±0.037  -0.58±0.059 -0.578±0.059  -0.573±0.06  -0.616±0.06
rating 3:          -1.79±0.062 -1.774±0.062 -1.764±0.063 -1.778±0.063   -1.475±0.1   -1.462±0.1 -1.471±0.101 -1.541±0.102
rating 4:         -2.628±0.288 -2.604±0.288 -2.588±0.287  -2.58±0.289 -2.621±0.532 -2.558±0.548 -2.566±0.546 -2.628±0.549
tenure 2:                    .            .            .  0.179±0.047            .            .            .  0.308±0.064
tenure 3:                    .            .            .   0.14±0.056            .            .            .  0.389±0.092
tenure 4:                    .            .            .  0.079±0.066            .            .            .  0.411±0.118
tenure 5+:                   .            .            . -0.103±0.056            .            .            .  0.254±0.155
average increase:            .            .  0.978±0.255            .            .            . -0.119±0.543            .
promoted:                    .  0.182±0.052  0.261±0.054  0.162±0.053            .  0.576±0.085  0.628±0.088  0.545±0.087
""")
"""Logit of a bonus: 1 to 4 pooled, 5 to 8 conditional; all but 1 and 5 with promotion, 3 and 7 with the average increase,
4 and 8 with tenure."""
TABLE2_STATISTICS: dict[str, tuple[float | None, ...]] = _read("""
mean:            0.251  0.251   0.26  0.251   0.4   0.4 0.401   0.4
N:               23330  23330  21954  23330 12053 12053 11753 12053
log likelihood: -11244 -11238 -10755 -11220 -4113 -4087 -3986 -4068
pseudo R2:       0.144  0.145  0.145  0.146 0.137 0.142 0.143 0.146
""")

TABLE3: dict[str, tuple[Entry, ...]] = _read("""
level 2:   0.433±0.025           .  0.428±0.025           .  0.413±0.024
level 3:   0.719±0.023           .  0.711±0.024           .  0.679±0.023
level 4:   1.423±0.025           .  1.415±0.025           .  1.347±0.024
level 5:   2.955±0.045           .   2.96±0.045           .   2.94±0.045
age:                 . 0.156±0.008  0.021±0.007           . -0.001±0.007
age²/100:            . -0.167±0.01 -0.028±0.008           . -0.011±0.008
tenure 2:            .           .            . 0.227±0.024   0.18±0.018
tenure 3:            .           .            . 0.389±0.029   0.259±0.02
tenure 4:            .           .            . 0.508±0.034  0.289±0.023
tenure 5+:           .           .            . 0.719±0.026    0.44±0.02
""")
"""Log bonus, pooled: levels; age; both; tenure; all."""
TABLE3_STATISTICS: dict[str, tuple[float | None, ...]] = _read("""
N:               8428   8428  8428   8432  8428
adjusted R2:    0.521  0.062 0.522  0.097 0.547
log likelihood: -7631 -10462 -7620 -10304 -7392
F levels:        1924      .  1820      .  1771
F age:              .  302.5 12.12      .  0.38
F tenure:           .      .     .  215.5 122.7
""")

TABLE4: dict[str, tuple[Entry, ...]] = _read("""
level 2:   0.445±0.058            .  0.317±0.059           .  0.411±0.064
level 3:   0.628±0.067            .  0.351±0.074           .  0.551±0.093
level 4:   0.905±0.075            .   0.484±0.09           .    0.82±0.13
level 5:   1.457±0.128            .  0.941±0.131           .   1.45±0.205
age:                 .  0.368±0.033  0.292±0.035           .  0.186±0.043
age²/100:            . -0.368±0.038 -0.304±0.039           . -0.215±0.045
tenure 2:            .            .            .  0.082±0.02   0.12±0.024
tenure 3:            .            .            . 0.169±0.025  0.199±0.033
tenure 4:            .            .            . 0.153±0.031  0.183±0.044
tenure 5+:           .            .            . 0.132±0.034  0.203±0.054
""")
"""The same with worker effects."""
TABLE4_STATISTICS: dict[str, tuple[float | None, ...]] = _read("""
N:               8428  8428  8428  8432   8428
adjusted R2:    0.802 0.806 0.812 0.782  0.816
log likelihood: -1290 -1218 -1082 -1708 -994.6
F levels:       44.54     . 14.94     .  15.42
F age:              . 109.1 66.42     .  20.68
F tenure:           .     .     . 11.77   9.68
""")

TABLE5: dict[str, tuple[Entry, ...]] = _read("""
level 2:   0.412±0.024   0.353±0.03  0.404±0.023  0.363±0.029  0.317±0.059  0.187±0.073  0.411±0.064  0.275±0.084
level 3:   0.671±0.023  0.624±0.029  0.655±0.023  0.617±0.029  0.351±0.074   0.207±0.09  0.551±0.093  0.371±0.123
level 4:   1.289±0.026  1.181±0.032  1.247±0.025  1.154±0.032   0.484±0.09  0.287±0.113    0.82±0.13  0.551±0.176
level 5:   2.741±0.046  2.514±0.063  2.751±0.046  2.542±0.062  0.941±0.131  0.579±0.371   1.45±0.205  0.927±0.458
age:       0.015±0.006  0.013±0.007 -0.007±0.006 -0.008±0.007  0.292±0.035  0.259±0.049  0.186±0.043  0.185±0.058
age²/100:  -0.02±0.008 -0.016±0.009 -0.003±0.008  0.001±0.009 -0.304±0.039 -0.282±0.055 -0.215±0.045  -0.218±0.06
rating 2:            . -0.091±0.016            . -0.123±0.015            . -0.072±0.024            . -0.084±0.024
rating 3:            . -0.017±0.033            .  -0.09±0.034            . -0.173±0.056            . -0.189±0.055
rating 4:            .   0.456±0.23            .  0.397±0.222            . -0.556±0.477            . -0.527±0.457
tenure 2:            .            .  0.171±0.017  0.157±0.021            .            .   0.12±0.024  0.095±0.032
tenure 3:            .            .   0.249±0.02   0.24±0.023            .            .  0.199±0.033  0.148±0.043
tenure 4:            .            .  0.283±0.022  0.271±0.027            .            .  0.183±0.044   0.14±0.057
tenure 5+:           .            .   0.412±0.02   0.37±0.024            .            .  0.203±0.054  0.115±0.076
""")
"""Log bonus: 1 to 4 pooled, 5 to 8 with worker effects; even columns with ratings; 3, 4, 7, 8 with tenure."""
TABLE5_STATISTICS: dict[str, tuple[float | None, ...]] = _read("""
N:               8428  5851  8428  5851  8428  5851   8428  5851
adjusted R2:    0.564 0.534 0.585 0.552 0.812 0.846  0.816 0.848
log likelihood: -7231 -4918 -7015 -4798 -1082 684.4 -994.6 730.5
F levels:        1306 672.5  1306 675.6 14.94 2.254  15.42 3.148
F age:          6.382 3.184 0.118 0.374 66.42 27.13  20.68     .
""")

TABLE6: dict[str, tuple[tuple[float, float, float], ...]] = _read("""
A: -2.283±0.267±0.3967   -2.371±0.268±0.4 -1.779±0.316±0.466 -2.288±0.298±0.425 -1.897±0.351±0.506
B:  -2.336±0.287±0.422 -2.398±0.288±0.425  -1.54±0.327±0.473  -2.35±0.321±0.467 -1.618±0.364±0.509
C:  -2.469±0.293±0.432 -2.538±0.295±0.437  -1.599±0.34±0.491 -2.539±0.331±0.478  -1.735±0.38±0.537
""")
"""Effect of the prize by panel: (estimate, conventional, "corrected" standard error). Columns: base controls; with ratings;
with tenure; with the average increase; with all."""

TURNING_AGES = {5: 48.0, 6: 45.9, 7: 43.3, 8: 42.4}
"""Age at which bonuses stop rising, by column of Table 5."""
