"""The ``bayes-labor`` command: parsing and printing; everything else is in the rooms below.

Exit codes: 0 done; 1 done, but a convergence gate failed or the preflight found trouble; 2 the input has faults (options,
tables, settings, run folders), or there is no room or permission to write: the faults say what to do; 3 a defect of ours, with
what to report; 130 interrupted.
"""

import functools
import inspect
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from bayes_labor.data.bonuses.personnel import Personnel
    from bayes_labor.data.joint_production.workforce import Workforce
    from bayes_labor.models.joint_production.settings import JointProductionSpec
    from bayes_labor.posteriors.diagnostics import Gate

app = typer.Typer(
    name="bayes-labor",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=(
        "Bayesian estimation of structural labor-market models on matched data.\n\n"
        "Start with `bayes-labor demo`. With your own table: `data` shows what is wrong with it, `check` whether it can be "
        "sampled, `prior` what the priors imply, `fit` samples, `report` writes the page."
    ),
)
console = Console(markup=False, emoji=False)  # what is printed holds users' words
_INTERRUPTED = 130

Run = Annotated[Path, typer.Option(help="Run folder.")]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1)]


def _workforce(
    source: Annotated[
        str,
        typer.Argument(
            help="`baseball`, `norway`, `norway:600` (that many workplaces), or a .parquet or .csv file with columns "
            "workplace, industry, wage and covariates."
        ),
    ],
    formula: Annotated[
        str, typer.Option(help="Characteristics of talent, e.g. 'experience + {experience**2/100} + seniority'.")
    ] = "",
    internal: Annotated[
        list[str] | None, typer.Option(help="Variable lost when the worker leaves; repeat for several.")
    ] = None,
    worker: Annotated[str, typer.Option(help="Column with the worker's id; with it, nobody may appear twice.")] = "",
) -> "Workforce":
    from bayes_labor.data import DataFaults, Fault, Workforce, baseball, norway, read_table

    if source == "baseball":
        return baseball(formula=formula) if formula else baseball()
    kind, _, size = source.partition(":")
    if kind == "norway" and (not size or size.isdecimal()):
        return norway(int(size)) if size else norway()
    readers = {".csv": Workforce.from_csv, ".parquet": Workforce.from_parquet}
    reader = readers.get(Path(source).suffix.lower())
    if reader is None or not formula:
        read_table(source)  # what is wrong with the file comes first
        fault = Fault("a table needs a formula", source, "--formula 'experience + seniority' --internal seniority")
        raise DataFaults([fault])
    return reader(source, formula, internal or [], worker=worker or None, name=Path(source).stem)


def _specification(
    spec: Annotated[str, typer.Option(help="linear_national, linear, equal_power, linear_power, power or flexible.")] = "power",
    matching: Annotated[
        str,
        typer.Option(
            help="exact (everybody could meet every workplace) or sampled (the paper's: each workplace meets one worker drawn "
            "from a seed, which is then part of the answer)."
        ),
    ] = "exact",
    errors: Annotated[str, typer.Option(help="normal or student.")] = "normal",
    prior: Annotated[
        list[str] | None, typer.Option(help="A prior, e.g. unemployment=0.2; repeat for several. `prior` prints them all.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="JSON file with further settings and priors of the specification.")
    ] = None,
) -> "JointProductionSpec":
    from bayes_labor.data import DataFaults, Fault
    from bayes_labor.models import JointProductionSpec

    more: dict[str, Any] = {}
    if settings is not None:
        try:
            more = json.loads(settings.read_text())
        except (OSError, ValueError, RecursionError) as error:
            raise DataFaults([Fault(f"the settings cannot be read: {error}", str(settings), "write a JSON object")]) from error
        if not isinstance(more, dict) or not isinstance(more.get("priors", {}), dict):
            raise DataFaults(
                [Fault("the settings, and priors among them, must be objects", str(settings), "write a JSON object")]
            )
    if prior:
        more["priors"] = more.get("priors", {}) | dict(_assignment(text) for text in prior)
    return JointProductionSpec(**({"spec": spec, "matching": matching, "errors": errors} | more))


def _assignment(text: str) -> tuple[str, Any]:
    from bayes_labor.data import DataFaults, Fault

    name, equals, value = text.partition("=")
    try:
        if not equals:
            raise ValueError
        return name.strip(), json.loads(value)
    except ValueError:
        raise DataFaults([Fault(f"{text!r} sets no prior", "--prior", "write NAME=NUMBER, e.g. unemployment=0.2")]) from None


def command(name: str | None = None, **makers: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command some of whose arguments are made from options of their own: those of the named functions."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        options: dict[str, list[inspect.Parameter]] = {
            name: list(inspect.signature(makers[name]).parameters.values()) if name in makers else [parameter]
            for name, parameter in inspect.signature(function).parameters.items()
        }

        @functools.wraps(function)
        def run(**values: Any) -> None:
            made = {n: make(**{p.name: values.pop(p.name) for p in options[n]}) for n, make in makers.items()}
            function(**made, **values)

        shown = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for group in options.values() for p in group]
        run.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in shown}
        return app.command(name)(run)

    return register


@app.command()
def demo(run: Run = Path("runs/demo")) -> None:
    """Fit the joint-production model to baseball payrolls of 2016 and write its report: the main job, on real data."""
    from bayes_labor.data import baseball
    from bayes_labor.data.joint_production.baseball import LEAGUE_MINIMUM
    from bayes_labor.models import JointProductionPriors, JointProductionSpec

    console.print("Baseball payrolls 2016: teams are workplaces, seniority stays behind when a player leaves.")
    # What a player without better offers is worth to himself is known: the leagues' minimum salary.
    priors = JointProductionPriors(unemployment_center=LEAGUE_MINIMUM, unemployment=0.02)
    spec = JointProductionSpec(priors=priors)
    _fit_and_report(baseball(), spec, run, overwrite=True, settings={"draws": 1500})


@command(workforce=_workforce)
def data(workforce: "Workforce") -> None:
    """Validate a table and describe it; all faults are listed at once."""
    table = Table(
        title=f"{workforce.n_workers:,} workers, {workforce.n_workplaces:,} workplaces, {len(workforce.industries)} industries"
    )
    for column in ("term", "mean", "sd", "min", "max", "internal"):
        table.add_column(column, justify="left" if column == "term" else "right")
    for name, row in workforce.describe().iterrows():
        table.add_row(str(name), *(f"{row[c]:.4g}" for c in ("mean", "std", "min", "max")), "yes" if row["internal"] else "")
    console.print(table)


@app.command()
def sample(
    source: Annotated[str, typer.Argument(help="`baseball` or `norway`.")],
    path: Annotated[Path, typer.Argument(help="File to write, .parquet or .csv.")],
) -> None:
    """Save a built-in sample as a table, to see what one looks like."""
    from bayes_labor.data import DataFaults, Fault, baseball_table, norway_table

    tables: dict[str, Callable[[], Any]] = {"baseball": baseball_table, "norway": norway_table}
    if source not in tables or path.suffix not in (".parquet", ".csv"):
        raise DataFaults([Fault("only built-in samples can be written", str(path), "baseball or norway, to .parquet or .csv")])
    table = tables[source]()
    table.to_parquet(path) if path.suffix == ".parquet" else table.to_csv(path, index=False)
    console.print(f"written: {path}")


def _panel(
    source: Annotated[
        str, typer.Argument(help="`table5`, `table6`, `exogenous` or `clean` (generated), or a .parquet or .csv file.")
    ],
    column: Annotated[
        list[str] | None, typer.Option(help="A column of the file by its name here, e.g. id=person; repeat for several.")
    ] = None,
) -> "Personnel":
    from bayes_labor.data import DataFaults, Fault, personnel, read_personnel

    if not Path(source).suffix:
        return personnel(source)  # type: ignore[arg-type]
    pairs = [text.partition("=") for text in column or []]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise DataFaults([Fault(f"{wrong[0]!r} names no column", "--column", "write NAME=COLUMN, e.g. id=person")])
    return read_personnel(source, {name: theirs for name, _, theirs in pairs})


def _settings_of(texts: list[str] | None) -> dict[str, Any]:
    """Settings given as NAME=VALUE; a value that is no JSON is a word."""
    from bayes_labor.data import DataFaults, Fault

    found: dict[str, Any] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise DataFaults([Fault(f"{text!r} sets nothing", "--set", "write NAME=VALUE, e.g. errors=student")])
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value
    return found


_PriorDraws = Annotated[int, typer.Option(min=2, max=1_000_000, help="Draws from the prior.")]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting of the specification, e.g. errors=student or ordered=true; repeat for several."),
]


def _bonus_commands(kind: str, what: str) -> None:
    """`fit KIND` and `prior KIND` of a model of bonuses."""

    def fit_one(
        panel: "Personnel",
        run: Run,
        set_: _Set = None,
        draws: int = 1000,
        tune: int = 400,
        chains: int = 4,
        seed: Seed = 20161102,
    ) -> None:
        from bayes_labor.posteriors.bonuses.fits import fit_panel
        from bayes_labor.posteriors.bonuses.report import SPECS, bonus_report, summarize_bonuses
        from bayes_labor.posteriors.tables import printed

        spec = SPECS[kind](**_settings_of(set_))
        console.print(f"{panel.name}: {len(panel.table):,} rows, {len(panel.with_bonus):,} bonuses; compiling and sampling ...")
        found = fit_panel(kind, panel, spec, run, draws=draws, tune=tune, chains=chains, seed=seed)
        shown = printed(summarize_bonuses(found))[["mean", "sd", "hdi_low", "hdi_high", "contraction", "ess_bulk", "r_hat"]]
        console.print(shown.to_string(), highlight=False)
        _say_gates(found.gates)
        console.print(f"report: {bonus_report(found, kind, panel, run)}")
        if not all(g.passed for g in found.gates):
            raise typer.Exit(1)

    def prior_one(panel: "Personnel", run: Run, set_: _Set = None, draws: _PriorDraws = 1000) -> None:
        from bayes_labor.engines.run_folder import check_place
        from bayes_labor.posteriors.bonuses.report import SPECS, bonus_prior_page
        from bayes_labor.posteriors.tables import printed

        check_place(run)
        table = bonus_prior_page(kind, panel, SPECS[kind](**_settings_of(set_)), run, draws=draws)
        console.print(printed(table).to_string(), highlight=False)
        console.print(f"page: {run / 'prior.html'}")

    fit_one.__doc__ = f"Posterior of {what}, from a personnel panel; with a report. Also `fit {kind}`."
    prior_one.__doc__ = f"What the priors of {what} imply, as a page. Also `prior {kind}`."
    command(f"fit-{kind}", panel=_panel)(fit_one)
    command(f"prior-{kind}", panel=_panel)(prior_one)


for _kind, _what in (
    ("bonus-size", "the size of bonuses"), ("bonus-receipt", "who receives a bonus"),
    ("promotion-prize", "the effect of the promotion prize on bonuses"),
):  # fmt: skip
    _bonus_commands(_kind, _what)


@command(workforce=_workforce, specification=_specification)
def check(workforce: "Workforce", specification: "JointProductionSpec") -> None:
    """Preflight: data faults, gradients, kernels, share of prior draws whose equilibrium solves, memory, expected time."""
    from bayes_labor.posteriors import check as preflight

    found = preflight(workforce, specification)
    low, high = found.sampling_minutes
    lines = [
        ("parameters", str(found.parameters)),
        ("log density at the start", f"{found.log_density:.2f}"),
        ("gradient against finite differences", f"{found.gradient_error:.1e}"),
        ("Ops without a native kernel", ", ".join(found.object_mode) or "none"),
        ("prior draws by outcome", ", ".join(f"{k} {v:.0%}" for k, v in found.prior_outcomes.items())),
        ("negative prior wages", f"{found.prior_negative_wages:.0%}"),
        ("log density and gradient", f"{found.milliseconds:.2f} ms"),
        ("data in memory", f"{found.megabytes:.1f} MB"),
        ("4 chains of 2,000 iterations, 2 cores", f"about {low:.1f} to {high:.1f} minutes"),
    ]
    for name, value in lines:
        console.print(f"{name:40s} {value}")
    for trouble in found.troubles:
        console.print(f"expect trouble: {trouble}", highlight=False)
    console.print("sound: sampling may start" if found.sound else "NOT sound: see above before sampling")
    if not found.sound:
        raise typer.Exit(1)


@command(workforce=_workforce, specification=_specification)
def prior(
    workforce: "Workforce",
    specification: "JointProductionSpec",
    run: Annotated[Path, typer.Option(help="Folder for the page, its table and pictures.")] = Path("runs/prior"),
    draws: _PriorDraws = 200,
) -> None:
    """What the priors imply, as a page: wages, surplus, feasible workplaces, V(z), seniority profile, beta."""
    from bayes_labor.engines.run_folder import check_place
    from bayes_labor.posteriors import prior_page
    from bayes_labor.posteriors.tables import printed

    check_place(run)
    console.print(str(specification.priors), highlight=False)
    console.print(printed(prior_page(workforce, specification, run, draws=draws)).to_string(), highlight=False)
    console.print(f"page: {run / 'prior.html'}")


@command(workforce=_workforce, specification=_specification)
def fit(
    workforce: "Workforce",
    run: Run,
    specification: "JointProductionSpec",
    draws: int = 2000,
    tune: int = 400,
    chains: int = 4,
    seed: Seed = 20161102,
    engine: str = "nutpie",
    start: Annotated[
        str, typer.Option(help="modes; or laplace or pathfinder, which also whiten the coordinates: for large data.")
    ] = "modes",
    overwrite: Annotated[bool, typer.Option(help="Replace draws that are already in the run folder.")] = False,
) -> None:
    """Sample the posterior into a run folder and write its report."""
    sampler = {"draws": draws, "tune": tune, "chains": chains, "seed": seed, "engine": engine, "start": start}
    _fit_and_report(workforce, specification, run, overwrite=overwrite, settings=sampler)


@command(workforce=_workforce)
def report(run: Run, workforce: "Workforce") -> None:
    """Write the report of a run again, from its stored draws and its data; of a fit that still runs, from the draws so far."""
    from bayes_labor.posteriors import RunFolder
    from bayes_labor.posteriors import peek as look
    from bayes_labor.posteriors import report as write
    from bayes_labor.posteriors.joint_production.fits import fitted

    folder = RunFolder.open(run)
    spec = fitted(folder, workforce)
    page = write(look(run)[0], workforce, spec, run)
    console.print(f"report: {page}")


@command(workforce=_workforce)
def resume(run: Run, workforce: "Workforce") -> None:
    """Go on with a fit that was interrupted or killed, and write its report; says what was recovered and how."""
    from bayes_labor.posteriors import RunFolder
    from bayes_labor.posteriors import resume as go_on
    from bayes_labor.posteriors.joint_production.fits import fitted

    folder = RunFolder.open(run)
    spec = fitted(folder, workforce)
    draws = go_on(run, workforce, progress=sys.stdout.isatty())
    _raise_if_unsaved(draws, run)
    console.print("; ".join(folder.record().get("resumed", ["the fit was finished already"])))
    _read_out(draws, workforce, spec, run)


@app.command()
def peek(run: Run) -> None:
    """How far a running (or killed) fit is: draws by chain, R-hat, effective sizes, divergences, failures of the solver."""
    from bayes_labor.posteriors import gates
    from bayes_labor.posteriors import peek as look

    draws, record = look(run)
    held = draws["posterior"].sizes.get("draw", 0)
    wanted = record.get("sampler", {}).get("draws", held)
    counts = draws.attrs.get("counts", [held])
    console.print(f"{record.get('state', 'done')}: draws of {wanted} by chain: {', '.join(str(c) for c in counts)}")
    for name in ("beta", "d", "gamma", "psi"):
        if name in draws["posterior"]:
            values = draws["posterior"][name]
            console.print(
                f"{name:8s} mean " + "  ".join(f"{v:8.3f}" for v in values.mean(("chain", "draw")).to_numpy().ravel())
            )
    if draws["posterior"].sizes["draw"] >= 8:
        for gate in gates(draws):
            console.print(f"{'holds' if gate.passed else 'not yet':8s} {gate.name}: {gate.value}")


@command(workforce=_workforce)
def counterfactual(
    run: Run,
    workforce: "Workforce",
    change: Annotated[
        list[str], typer.Option(help="A variable's new value, e.g. female=0.5, or seniority+=5; repeat for several.")
    ],
    size: Annotated[int, typer.Option(min=1, help="Posterior draws at which both economies are solved.")] = 100,
) -> None:
    """What wages and outside options would be if workers had other characteristics; V(z) is solved anew at every draw."""
    import numpy as np

    from bayes_labor.posteriors import RunFolder
    from bayes_labor.posteriors import counterfactual as solve
    from bayes_labor.posteriors.joint_production.fits import fitted

    folder = RunFolder.open(run)
    spec = fitted(folder, workforce)
    changed = workforce.changed(**dict(_change(text, workforce) for text in change))
    found = solve(folder.draws(), workforce, changed, spec, size=size)
    console.print(f"{' '.join(change)}: means over workers, posterior mean and 94% interval at {found.sizes['sample']} draws")
    for name in ("wage", "outside_option", "surplus_share"):
        means = found[name].mean("worker")
        for label, values in (("baseline", means[0]), ("changed", means[1]), ("difference", means[1] - means[0])):
            low, high = np.quantile(values, [0.03, 0.97])
            console.print(f"{name:16s} {label:10s} {float(values.mean()):9.4f}  [{low:.4f}, {high:.4f}]")


def _change(text: str, workforce: "Workforce") -> tuple[str, Any]:
    adds = "+=" in text
    from bayes_labor.data import DataFaults, Fault

    name, value = _assignment(text.replace("+=", "=", 1))
    if adds and not isinstance(value, int | float):
        raise DataFaults([Fault(f"{text!r} adds no number", "--change", "write NAME+=NUMBER, e.g. seniority+=5")])
    return name, workforce.covariates[name] + value if adds and name in workforce.covariates else value


@command(workforce=_workforce)
def compare(
    workforce: "Workforce",
    run: Annotated[list[Path], typer.Option(help="Run folder of a fit to these data; repeat for several.")],
    refits: Annotated[int, typer.Option(min=0, help="Refit without a flagged workplace where a fit has at most so many.")] = 0,
    size: Annotated[int, typer.Option(min=10, help="Posterior draws of each fit that are used.")] = 1000,
) -> None:
    """Fits side by side by what they predict for whole workplaces, leaving one out at a time; best first."""
    from bayes_labor.posteriors import RunFolder
    from bayes_labor.posteriors import compare as set_beside
    from bayes_labor.posteriors.joint_production.fits import fitted
    from bayes_labor.posteriors.tables import printed

    fits = {}
    for path in run:
        folder = RunFolder.open(path)
        spec = fitted(folder, workforce)
        fits[str(path)] = (folder.draws(), spec)
    table = set_beside(fits, workforce, size=size, refits=refits, workers=1)
    console.print(printed(table).to_string(), highlight=False)


@command(workforce=_workforce, specification=_specification)
def calibrate(
    workforce: "Workforce",
    specification: "JointProductionSpec",
    simulations: Annotated[int, typer.Option(min=1, max=1_000_000, help="Data sets drawn from the prior and fitted.")] = 100,
    keep: Annotated[
        Path, typer.Option(help="CSV of the ranks so far, a record of what they belong to beside it; not run again.")
    ] = Path("ranks.csv"),
    workers: Annotated[int, typer.Option(min=1, max=1024, help="Processes on this machine.")] = 1,
    address: Annotated[str, typer.Option(help="Scheduler of a dask cluster to use instead, e.g. tcp://host:8786.")] = "",
    seed: Seed = 0,
) -> None:
    """Simulation-based calibration of the model on who works where in your data: are its intervals honest?"""
    from bayes_labor.data import DataFaults, Fault
    from bayes_labor.engines.run_folder import check_place
    from bayes_labor.posteriors.calibration import uniformity
    from bayes_labor.posteriors.joint_production.calibration import calibrate as rank
    from bayes_labor.posteriors.rank_file import fit_health

    if not keep.absolute().parent.is_dir():
        raise DataFaults([Fault("there is no such folder", str(keep.parent), "make it, or choose another with --keep")])
    check_place(keep.absolute().parent)
    ranks = rank(
        workforce, specification, simulations, seed=seed, keep=keep, workers=workers, address=address or None,
        progress=lambda n: console.print(f"{n} of {simulations}", highlight=False),
    )  # fmt: skip
    p = uniformity(ranks).sort_values()
    alarm = 0.01 / len(p)
    console.print(p.head(8).to_string(), highlight=False)
    health = fit_health(keep)
    console.print(
        f"{len(health)} fits: {int((health['divergences'] > 0).sum())} with divergences, least ESS {health['ess'].min():.0f}, "
        f"largest R-hat {health['r_hat'].max():.3f}, {health['seconds'].sum() / 60:.1f} minutes of sampling", highlight=False
    )  # fmt: skip
    console.print(
        f"smallest p-value of {len(p)} parameters {p.min():.2g}; alarm below {alarm:.2g} (once in a hundred if right)"
    )
    if p.min() < alarm:
        raise typer.Exit(1)


@app.command()
def reproduce(
    system: Annotated[str, typer.Argument(help="`joint-production`, `sorting`, `bonuses` or `learning`.")],
    run: Annotated[Path | None, typer.Option(help="Run folder; by default runs/ and the system's name.")] = None,
    workplaces: Annotated[
        int, typer.Option(min=20, max=5_000_000, help="Joint production: generated workplaces that the fits see.")
    ] = 2000,
    holdout: Annotated[
        int, typer.Option(min=2, max=5_000_000, help="Joint production: further generated workplaces that no fit sees.")
    ] = 500,
    macro: Annotated[
        Path | None, typer.Option(help="Sorting: folder of public series; by default those that ship with statsmodels.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="Bonuses: personnel of one firm, .csv or .parquet; by default generated ones.")
    ] = None,
    quick: Annotated[bool, typer.Option(help="Bonuses, learning: leave out what takes longest.")] = False,
    device: Annotated[str, typer.Option(help="Learning: `cpu`, or `gpu` for a larger economy.")] = "cpu",
    draws: Annotated[
        int | None, typer.Option(min=1, max=10_000_000, help="Draws of a chain; by default 500 to 2,000, by system.")
    ] = None,
    tune: Annotated[
        int | None, typer.Option(min=0, max=10_000_000, help="Tuning steps of a chain; by default 300 to 500, by system.")
    ] = None,
    seed: Seed = 1,
) -> None:
    """Every table and figure of a paper; takes up what the run folder already holds.

    Joint production is fitted to generated data with known truth, sorting to the paper's moments and to real annual series,
    bonuses to generated personnel with known truth; learning is solved at the slides' parameters from two seeds.
    """
    from bayes_labor.data import DataFaults, Fault
    from bayes_labor.engines.run_folder import check_place

    check_place(run or Path("runs"))
    systems: dict[str, Callable[..., Path]] = {
        "joint-production": functools.partial(_joint_production, workplaces, holdout),
        "sorting": functools.partial(_sorting, macro),
        "bonuses": functools.partial(_bonuses, table, quick),
        "learning": functools.partial(_learning, device, quick),
    }
    if system not in systems:
        raise DataFaults([Fault(f"there is nothing called {system!r} to reproduce", "reproduce", " or ".join(systems))])
    given = {k: v for k, v in (("draws", draws), ("tune", tune)) if v is not None}
    say = functools.partial(console.print, highlight=False)
    console.print(f"page: {systems[system](run or Path('runs') / system, say=say, seed=seed, **given)}")


def _joint_production(workplaces: int, holdout: int, run: Path, *, seed: int, **settings: Any) -> Path:
    from bayes_labor.data import norway
    from bayes_labor.data.joint_production.norway import true_parameters
    from bayes_labor.models import JointProductionPriors, JointProductionSpec
    from bayes_labor.posteriors.joint_production.paper import reproduce as write

    sample, held = norway(workplaces + holdout, seed=seed).split(holdout / (workplaces + holdout), seed=seed)
    settings = {"draws": 800, "tune": 400} | settings
    # The generated economy pays the unemployed less than nothing: V_U is -0.08 mean wages there.
    spec = JointProductionSpec(priors=JointProductionPriors(unemployment_center=0.0, unemployment=0.2))
    return write(sample, run, spec, holdout=held, truth=true_parameters(), seed=seed, **settings)


def _bonuses(table: Path | None, quick: bool, run: Path, **settings: Any) -> Path:
    from bayes_labor.data import read_personnel
    from bayes_labor.posteriors.bonuses.paper import reproduce_bonuses

    panel = None if table is None else read_personnel(table)
    return reproduce_bonuses(run, panel, quick=quick, **settings)


def _learning(device: str, quick: bool, run: Path, **settings: Any) -> Path:
    from bayes_labor.data import DataFaults, Fault
    from bayes_labor.posteriors.learning.device import use_device

    try:
        size = use_device(device)
        from bayes_labor.posteriors.learning.paper import reproduce_learning

        return reproduce_learning(run, size, quick=quick, **settings)
    except ModuleNotFoundError as missing:
        remedy = "install the extra: pip install bayes-labor[jax]"
        raise DataFaults([Fault(f"{missing.name} is not installed", "reproduce learning", remedy)]) from None
    except ValueError as error:
        raise DataFaults([Fault(str(error), str(run), "see the documentation of learning on the job")]) from None


def _sorting(macro: Path | None, run: Path, **settings: Any) -> Path:
    from bayes_labor.data import read_us_macro, read_us_targets
    from bayes_labor.posteriors.sorting import reproduce_sorting

    real: dict[str, Any] = {} if macro is None else {"series": read_us_macro(macro), "real_targets": read_us_targets(macro)}
    return reproduce_sorting(run, **real, **settings)


def _fit_and_report(
    workforce: "Workforce", spec: "JointProductionSpec", run: Path, *, overwrite: bool, settings: dict[str, Any]
) -> None:
    from bayes_labor.posteriors import fit as sample

    start = time.perf_counter()
    console.print(f"{workforce.name}: {workforce.n_workers:,} workers in {workforce.n_workplaces:,} workplaces; compiling ...")
    draws = sample(workforce, spec, run=run, overwrite=overwrite, progress=sys.stdout.isatty(), **settings)
    _raise_if_unsaved(draws, run)
    seconds = draws.attrs["sampling_seconds"]
    console.print(f"compiled in {draws.attrs['compile_seconds']:.0f} s, sampled in {seconds:.0f} s; writing the report ...")
    try:
        _read_out(draws, workforce, spec, run)
    finally:
        console.print(f"{time.perf_counter() - start:.0f} s in all")


def _raise_if_unsaved(draws: Any, run: Path) -> None:
    """Raises DataFaults that say where the draws are if the run folder had no room for them."""
    from bayes_labor.data.faults import DataFaults, Fault

    if draws.attrs.get("unsaved"):
        kept = draws.attrs["kept_in"]
        where = kept or f"{run / 'partial.npz'}, as of the last write"
        remedy = f"make room, then `bayes-labor resume --run {kept or run}` with the same table goes on from there"
        raise DataFaults([Fault(f"the draws could not be stored in {run}: {draws.attrs['unsaved']}", where, remedy)])


def _read_out(draws: Any, workforce: "Workforce", spec: "JointProductionSpec", run: Path) -> None:
    """Write the report and print its table and gates; exit code 1 if one failed."""
    from bayes_labor.posteriors import judge, summarize
    from bayes_labor.posteriors import report as write
    from bayes_labor.posteriors.tables import printed

    verdict = judge(draws, workforce, spec)
    page = write(draws, workforce, spec, run, verdict=verdict)
    shown = printed(summarize(draws, workforce, spec))[
        ["mean", "sd", "hdi_low", "hdi_high", "contraction", "ess_bulk", "r_hat"]
    ]
    console.print(shown.to_string(), highlight=False)
    _say_gates(verdict.gates)
    for caution in verdict.cautions:
        console.print(f"caution {caution.name}: {caution.value} - {caution.advice}", highlight=False)
    console.print(f"report: {page}")
    if not verdict.converged:
        raise typer.Exit(1)


def _say_gates(found: "list[Gate]") -> None:
    for gate in found:
        console.print(
            f"{'passed' if gate.passed else 'FAILED'}  {gate.name}: {gate.value}" + ("" if gate.passed else f" - {gate.advice}")
        )


def main() -> None:
    """Entry point: faults of the input are printed, not thrown; `fit bonus-size` is `fit-bonus-size`."""
    from bayes_labor.data.faults import DataFaults, Fault

    two = "-".join(sys.argv[1:3])
    if two in {c.name for c in app.registered_commands}:
        sys.argv[1:3] = [two]
    try:
        app()
    except SystemExit as left:
        if left.code == _INTERRUPTED:
            _complain("interrupted: draws so far are in the run folder, `bayes-labor resume` goes on with them")
        raise
    except DataFaults as faults:
        _leave(2, str(faults))
    except OSError as error:
        where = str(error.filename or "the disk")
        remedy = "make room or choose a folder that you may write to; draws already stored are kept"
        _leave(2, str(DataFaults([Fault(f"nothing more can be read or written: {error.strerror or error}", where, remedy)])))
    except MemoryError as error:
        remedy = "use fewer draws or chains, or a machine with more memory; draws already stored are kept"
        _leave(2, str(DataFaults([Fault("the memory does not suffice", str(error) or "this machine", remedy)])))
    except BaseException as defect:  # an engine's panic is no Exception
        _leave(3, _what_to_report(defect))


def _what_to_report(defect: BaseException) -> str:
    """Write the traceback to a file; a few lines on what happened and what to report."""
    import shlex
    import tempfile
    import traceback
    from importlib.metadata import version

    command = shlex.join(["bayes-labor", *sys.argv[1:]])
    last = traceback.format_exception_only(defect)[-1].strip().splitlines()[0]
    told = f"bayes-labor {version('bayes-labor')}, Python {sys.version.split()[0]}\n{command}\n"
    told += "".join(traceback.format_exception(defect))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="bayes-labor-", suffix=".txt", delete=False) as file:
            file.write(told)
        where = f"the traceback is in {file.name}"
    except OSError:
        where = f"the traceback:\n{told}"
    return (
        f"this is a defect of bayes-labor {version('bayes-labor')}, not of your input\n  command: {command}\n"
        f"  error:   {last[:300]}\n  report both, please; {where}"
    )


def _leave(code: int, text: str) -> None:
    _complain(text)
    sys.exit(code)


def _complain(text: str) -> None:
    Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
