"""Whether LaTeX sets tables."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

_HEAD = r"\documentclass{article}\usepackage{booktabs,caption}\begin{document}"


def faults_in_type(tables: Sequence[str], folder: Path) -> list[str]:
    """What LaTeX says against a document with all these tables; empty where it sets them."""
    pages = [f"{table}\n\\clearpage" for table in tables]
    (folder / "all.tex").write_text("\n".join([_HEAD, *pages, r"\end{document}"]), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    if done.returncode == 0:
        return []
    return re.findall(r"^! .*(?:\n.*){0,6}", done.stdout, flags=re.MULTILINE) or [done.stdout[-2000:]]
