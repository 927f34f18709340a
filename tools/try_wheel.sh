#!/bin/sh
# What a stranger does: the wheel alone in an empty environment, then the demo. `sh tools/try_wheel.sh UV PYTHON...`
set -eu
uv=$1
shift
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$uv" build --quiet --wheel --out-dir "$place/dist" .
for python in "$@"; do
    rm -rf "$place/env" "$place/run"
    "$uv" venv --quiet --python "$python" "$place/env"
    "$uv" pip install --quiet --python "$place/env/bin/python" "$place"/dist/*.whl
    mkdir "$place/run"
    (cd "$place/run" && "$place/env/bin/bayes-labor" demo && test -s runs/demo/report.html)
    "$place/env/bin/python" -c "import bayes_labor, sys; print('bayes_labor', bayes_labor.__version__, 'by its wheel on Python', sys.version.split()[0])"
done
