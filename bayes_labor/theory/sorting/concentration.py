r"""Revenue concentration: shares of the largest firms when log revenue is an exponential plus a normal.

With theta ~ Exp and normal wedges, log revenue is an exponentially modified normal with rate ``a`` (of the exponential part; a
negative rate is an exponential to the left) and standard deviation ``s``. Section 6 of the specification.
"""

import math

from bayes_labor.numerics.compilation import leaf

_STEPS = 200
_ROOT_2, _ROOT_HALF_PI, _ROOT_2_PI = math.sqrt(2.0), math.sqrt(0.5 * math.pi), math.sqrt(2.0 * math.pi)


@leaf
def mills_ratio(z):
    """Upper tail of the standard normal over its density, for z >= 0."""
    if z < 3.0:
        return _ROOT_HALF_PI * math.exp(0.5 * z * z) * math.erfc(z / _ROOT_2)
    # Continued fraction, from the back; its length suffices for double precision from 3 on.
    value = z
    for k in range(120, 0, -1):
        value = z + k / value
    return 1.0 / value


@leaf
def tail_part(t, a, s):
    """H of the specification: what the exponential part adds to the upper tail at t; s > 0."""
    sign = 1.0 if a > 0.0 else -1.0
    z = sign * (a * s - t / s)
    if z >= 0.0:
        return sign * math.exp(-0.5 * (t / s) ** 2) / _ROOT_2_PI * mills_ratio(z)
    return sign * math.exp(-a * t + 0.5 * (a * s) ** 2) * 0.5 * math.erfc(z / _ROOT_2)


@leaf
def upper_tail(t, a, s):
    """S of the specification: the share of an exponentially modified normal above t; s > 0."""
    return 0.5 * math.erfc(t / s / _ROOT_2) + tail_part(t, a, s)


@leaf
def quantile(q, a, s):
    """Where the share ``q`` lies above; s > 0.

    The logarithm of the upper tail is concave, so Newton's method on it, begun where too little lies above, never overshoots.
    """
    t = s * math.sqrt(2.0 * math.log(1.0 / q))
    if a > 0.0:
        t += math.log(2.0 / q) / a
    for _ in range(_STEPS):
        above = upper_tail(t, a, s)
        step = above * math.log(above / q) / (a * tail_part(t, a, s))
        t += step
        if not abs(step) > 1e-15 * (s + abs(t)):
            break
    return t


@leaf
def top_share(q, a, s):
    """(share of revenue of the largest ``q`` of all firms, its derivatives in a and in s).

    ``a`` above 1 (revenue has a mean) or negative, ``s`` not negative, ``q`` in (0, 1).
    """
    if s < 1e-9:
        if a > 0.0:
            share = q ** (1.0 - 1.0 / a)
            return share, share * math.log(q) / a**2, 0.0
        rest = (1.0 - q) ** (1.0 - 1.0 / a)
        return 1.0 - rest, -rest * math.log(1.0 - q) / a**2, 0.0
    t = quantile(q, a, s)
    h, density = tail_part(t, a, s), math.exp(-0.5 * (t / s) ** 2) / _ROOT_2_PI
    t_a = (-(t - a * s * s) * h - s * density) / (a * h)
    t_s = (a * a * s * h - a * density) / (a * h)
    y, b = t - s * s, a - 1.0
    h, density = tail_part(y, b, s), math.exp(-0.5 * (y / s) ** 2) / _ROOT_2_PI
    share = 0.5 * math.erfc(y / s / _ROOT_2) + h
    d_a = -b * h * t_a - (y - b * s * s) * h - s * density
    d_s = -b * h * (t_s - 2.0 * s) + b * b * s * h - b * density
    return share, d_a, d_s
