# make demo   the joint-production posterior on real payrolls, with its report
# make test   the test suite
# Everything else is below; `make setup` is run by whatever needs it.

VENV   := .venv
PY     := $(VENV)/bin/python
UV     := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
FLAGS  := OMP_WAIT_POLICY=passive

# Without compiled files beside the libraries every process compiles three thousand modules anew, for ten seconds.
unexport PYTHONDONTWRITEBYTECODE

# Where there is no internet: `make wheelhouse` on a machine like it, then carry the folder over. While it is there nothing else
# is asked for packages.
WHEELS := wheelhouse
LOCAL  := $(if $(wildcard $(WHEELS)/*.whl),--no-index --find-links $(WHEELS))

.PHONY: setup demo test coverage lint bench sbc docs lock clean wheelhouse wheel

setup: $(VENV)/.ready

# A Python >= 3.12: on PATH, else pyenv's, else whatever uv can provide.
$(VENV)/.ready: requirements.lock pyproject.toml tools/find_python.sh | $(UV)
	$(UV) venv --clear --quiet --python "$$(sh tools/find_python.sh || echo 3.13)" $(VENV)
	$(UV) pip sync --quiet --python $(PY) --require-hashes $(LOCAL) requirements.lock
	$(UV) pip install --quiet --python $(PY) --no-deps $(LOCAL) --editable .
	@touch $@

.uv/bin/uv:
	"$$(sh tools/find_python.sh || command -v python3)" -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check $(LOCAL) uv

demo: setup
	$(FLAGS) $(VENV)/bin/bayes-labor demo

test: setup
	$(FLAGS) $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# The same, counting which lines were run: a tenth slower.
coverage: setup
	$(FLAGS) $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov=bayes_labor --cov-report=term

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: setup
	$(FLAGS) $(PY) -m benchmarks
	$(FLAGS) $(PY) -m benchmarks.bonuses

sbc: setup
	$(FLAGS) $(PY) -m benchmarks.simulation_based_calibration

docs: setup
	$(VENV)/bin/sphinx-build -W -q -b html docs docs/_build/html

# The wheel alone, in empty environments: what `pip install` gives a stranger.
wheel: | $(UV)
	sh tools/try_wheel.sh $(UV) 3.12 3.13

lock: | $(UV)
	$(UV) pip compile pyproject.toml --extra jax --extra cluster --extra docs --extra tables --group dev --python-version 3.12 --universal \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -q --upgrade -o requirements.lock

# All that `make setup` installs, for this Python and platform, and what it installs with.
wheelhouse: | .uv/bin/uv
	.uv/bin/pip download --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock -d $(WHEELS)
	.uv/bin/pip download --quiet --disable-pip-version-check -d $(WHEELS) uv hatchling editables

clean:
	rm -rf $(VENV) .uv runs docs/_build
