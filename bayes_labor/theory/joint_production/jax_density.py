r"""The joint-production posterior in pure JAX, for one shard of the workplaces: no PyMC on the machine that samples.

The same density, in the same unconstrained vector, as the ``pm.Model`` of :mod:`bayes_labor.models.joint_production`. Sums over
all workplaces (the equilibrium of V(z), the likelihood) are formed by :class:`.jax_outside_option.Reduce`.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import betaln, gammaln

from bayes_labor.likelihoods.grouped_errors import grouped_normal
from bayes_labor.numerics.normal import log_normal_density
from bayes_labor.theory.joint_production.hierarchy import of_industries
from bayes_labor.theory.joint_production.jax_assignment import Teams, team_totals
from bayes_labor.theory.joint_production.jax_outside_option import Matches, Reduce, solve_equilibrium


@dataclass(frozen=True)
class Form:
    """Everything about the density that is not an array. Numbers are priors and settings in the units of the data."""

    layout: tuple[tuple[str, int], ...]
    """Names and sizes of the unconstrained variables, in order."""
    n_industries: int
    n_external: int
    nodes: int
    softness: float
    penalty: float
    """Weight of a negative surplus, per workplace; zero for none."""
    shortfall: float
    """Surplus per worker, in wage units, on which the penalty is scaled."""
    in_logs: bool
    """Whether log wages have the errors."""
    looseness: float
    """Of the coordinates of beta's hierarchy."""
    priors: tuple[tuple[str, str, tuple[Any, ...]], ...]
    """(variable, family, numbers): see :data:`_FAMILIES`. Numbers may be by element, names of other variables, or
    (a, b, name) for sqrt(a^2 + (b x)^2)."""

    @property
    def size(self) -> int:
        """Length of the unconstrained vector."""
        return sum(n for _, n in self.layout)

    def split(self, vector: Any) -> dict[str, Any]:
        """Variables of an unconstrained vector (P,)."""
        ends = np.cumsum([n for _, n in self.layout])
        return {name: vector[end - n : end] for (name, n), end in zip(self.layout, ends, strict=True)}


class Payrolls(NamedTuple):
    """The workers of one shard; padding workers belong to padding workplaces, which do not count."""

    wage: Any  # (N,)
    external: Any  # (P_e, N) standardised characteristics taken along
    internal: Any  # (P_i, N) internal terms in talent
    power: Any  # (P_p, N) internal terms in bargaining power
    team: Any  # (N,) workplace of each worker, within the shard
    industry: Any  # (F,)
    size: Any  # (F,)
    counts: Any  # (F,) 1, or 0 for padding
    penalised: Any  # (F,) 1 where a negative surplus is penalised
    match_workplace: Any  # (E,) within the shard
    match_weight: Any  # (E,) 0 for padding
    newcomer: Any  # (P_e, E) characteristics of the worker each matched workplace meets; unused at nodes


def log_density(form: Form, vector: Any, reference: Any, payrolls: Payrolls, axis: str | None = None) -> Any:
    """Log posterior density of an unconstrained vector, up to no constant.

    ``reference`` (P_e, n) are the characteristics of the team of reference; ``axis`` names the shards' axis, if there is one.
    """
    free, reduce = form.split(vector), Reduce(axis)
    prior, values = log_prior(form, free)
    gamma = values["gamma_scaled"]
    ours, theirs = gamma[: form.n_external], gamma[form.n_external :]
    z = ours @ payrolls.external
    talent = z + theirs @ payrolls.internal
    beta = jnp.tanh(_atanh_beta(form, values))
    scale = jnp.exp(values["log_output"]) / jnp.maximum(_reference_output(ours @ reference, beta), 1e-300)
    teams = Teams(payrolls.team, payrolls.industry)
    newcomer = payrolls.match_weight if form.nodes else ours @ payrolls.newcomer
    matches = Matches(payrolls.match_workplace, payrolls.match_weight, jnp.asarray(form.softness), newcomer)
    d, floor = (values[n][0] if n in values else jnp.asarray(linear) for n, linear in (("d", 1.0), ("V_U", 0.0)))
    found = solve_equilibrium(
        talent, z, teams, payrolls.size, beta, scale, d, floor, matches, payrolls.counts, form.nodes, reduce
    )
    index = values["psi_scaled"] @ payrolls.power if "psi_scaled" in values else jnp.zeros_like(z)
    wage, surplus = _wages(found.value, found.output * payrolls.size, index, teams)
    residual, stretch = payrolls.wage - wage, 0.0
    if form.in_logs:
        logs = jnp.log(jnp.where(payrolls.wage > 0.0, payrolls.wage, 1.0))  # padding has no wage
        residual, stretch = logs - jnp.log(jnp.maximum(wage, 1e-300)), teams.sum(logs)
        stretch += jnp.where(teams.sum((wage <= 0.0) * payrolls.counts[teams.team]) > 0.0, jnp.inf, 0.0)
    error = _log_errors(values, payrolls, residual, teams) - stretch
    short = jax.nn.softplus(-surplus / (payrolls.size * form.shortfall)) * payrolls.penalised
    fit = reduce.sum(jnp.sum(payrolls.counts * error - form.penalty * short))
    return jnp.where(found.code == 0, prior + fit, -jnp.inf)


def log_prior(form: Form, free: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """(log prior density with the Jacobians of the transforms, variables on their own scales)."""
    density, values = jnp.asarray(0.0), dict[str, Any]()
    for name, family, numbers in form.priors:
        suffix, own_scale, log_density_at = _FAMILIES[family]
        known = [_number(n, values) for n in numbers]
        density += jnp.sum(log_density_at(free[name + suffix], *known))
        values[name] = own_scale(free[name + suffix])
    return density, values


def _number(number: Any, values: dict[str, Any]) -> Any:
    """A number of a prior, given the variables so far."""
    if isinstance(number, str):
        return values[number]
    if isinstance(number, tuple) and isinstance(number[-1], str):
        base, factor, name = number
        return jnp.hypot(base, factor * values[name])
    return jnp.asarray(number)


def _atanh_beta(form: Form, values: dict[str, Any]) -> Any:
    """(K,) of the hierarchy, of industries apart, or of none."""
    if "beta_level" in values:
        level, spread, contrast = (values[k] for k in ("beta_level", "beta_spread", "beta_contrast_scaled"))
        return of_industries(level, spread, contrast, form.looseness, form.n_industries, jnp)
    return values.get("atanh_beta", jnp.zeros(form.n_industries))


def _normal(x: Any, mean: Any, sd: Any) -> Any:
    return log_normal_density(x, mean, sd, jnp)


def _half_normal(log_x: Any, sd: Any) -> Any:
    return -0.5 * (jnp.exp(log_x) / sd) ** 2 + log_x - jnp.log(sd) + 0.5 * np.log(2.0 / np.pi)


def _gamma(log_x: Any, shape: Any, rate: Any) -> Any:
    return shape * (jnp.log(rate) + log_x) - rate * jnp.exp(log_x) - gammaln(shape)


def _beta(odds: Any, a: Any, b: Any) -> Any:
    return a * jax.nn.log_sigmoid(odds) + b * jax.nn.log_sigmoid(-odds) - betaln(a, b)


_FAMILIES: dict[str, tuple[str, Any, Any]] = {
    "normal": ("", lambda x: x, _normal),
    "half normal": ("_log__", jnp.exp, _half_normal),
    "log normal": ("_log__", jnp.exp, lambda log_x, median, sd: _normal(log_x, jnp.log(median), sd)),
    "gamma": ("_log__", jnp.exp, _gamma),
    "beta": ("_logodds__", jax.nn.sigmoid, _beta),
}
"""By family: PyMC's suffix of the unconstrained variable, the way back, and its log density there, Jacobian included."""


def _reference_output(z: Any, beta: Any) -> Any:
    """(K,) output per worker of the team of reference in each industry at scale one."""
    k, n = beta.shape[0], z.shape[0]
    teams = Teams(jnp.repeat(jnp.arange(k), n, total_repeat_length=k * n), jnp.arange(k))
    return team_totals(jnp.tile(z, k), beta, jnp.ones(k), teams)[0] / n


def _wages(value: Any, total: Any, index: Any, teams: Teams) -> tuple[Any, Any]:
    """(wage (N,), surplus (F,)) of the Nash payroll."""
    n = teams.industry.shape[0]
    power = jnp.exp(index - jax.lax.stop_gradient(jax.ops.segment_max(index, teams.team, n))[teams.team])
    surplus = total - teams.sum(value)
    return value + (surplus / teams.sum(power))[teams.team] * power, surplus


def _log_errors(values: dict[str, Any], payrolls: Payrolls, residual: Any, teams: Teams) -> Any:
    """(F,) log densities of whole payrolls."""
    sigma = values["sigma"]
    scale = sigma[payrolls.industry] if sigma.shape[0] > 1 else jnp.full(payrolls.size.shape, sigma[0])
    if "nu_shifted" not in values:
        tau = values["tau"][0] if "tau" in values else 0.0
        return grouped_normal(teams.sum(residual**2), teams.sum(residual), payrolls.size, scale, tau, jnp)
    nu = 2.0 + values["nu_shifted"][0]
    constant = gammaln(0.5 * (nu + 1.0)) - gammaln(0.5 * nu) - 0.5 * jnp.log(nu * np.pi)
    excess = teams.sum(jnp.log1p((residual / scale[payrolls.team]) ** 2 / nu))
    return payrolls.size * (constant - jnp.log(scale)) - 0.5 * (nu + 1.0) * excess
