"""`peek`: how far a fit is."""

import typer

from bayes_labor.commands.options import RunArgument, console


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def peek(run: RunArgument) -> None:
        """How far a running (or killed) fit is: draws by chain, means, R-hat, effective sizes, divergences, failed solves."""
        from bayes_labor.engines.sampling import peek as look
        from bayes_labor.posteriors.diagnostics import gates

        draws, record = look(run)
        held = draws["posterior"].sizes.get("draw", 0)
        wanted = record.get("sampler", {}).get("draws", held)
        counts = draws.attrs.get("counts", [held])
        console.print(f"{record.get('state', 'done')}: draws of {wanted} by chain: {', '.join(str(c) for c in counts)}")
        gated = [n for n in draws.attrs.get("gated", []) if n in draws["posterior"]]
        small = [str(n) for n, v in draws["posterior"].data_vars.items() if v[0, 0].size <= _SHOWN]
        for name in gated or small:
            means = draws["posterior"][name].mean(("chain", "draw")).to_numpy().ravel()
            console.print(f"{name:16s} mean " + "  ".join(f"{v:8.3f}" for v in means), highlight=False)
        if draws["posterior"].sizes["draw"] >= _FEWEST:
            for gate in gates(draws):
                console.print(f"{'holds' if gate.passed else 'not yet':8s} {gate.name}: {gate.value}")


_SHOWN, _FEWEST = 12, 8  # elements of a variable that are shown; draws from which gates can be told
