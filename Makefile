# The commands of the project. Each installs what it needs into .venv/ the first time.
PYTHON ?= python3
ENV = $(PYTHON) scripts/venv.py
# A job waits as often as it reckons; more than some processes gain nothing.
AT_ONCE ?= -n auto --maxprocesses 4 --dist loadgroup
# Functional tests wait half of their time.
AT_ONCE_WAITING ?= -n 3 --dist loadgroup
CHECKED = python-lib custom-recipes python-runnables resource scripts tests bench

.PHONY: demo form screenshots test torture check plugin bench bench-checkpoint bench-resume bench-memory
.PHONY: bench-crash bench-adaptive bench-validation bench-scale soak format unit-tests clean help
.PHONY: matrix lock audit wheels fuzz integration spark-demo spark-package
.DEFAULT_GOAL := help

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

spark-demo: ## the same reviews by a Spark job of two executors; needs Java 17
	@$(PYTHON) scripts/spark_demo.py

spark-package: ## what Spark's executors need, in dist/: see docs/spark.md
	@$(PYTHON) scripts/spark_package.py $(SPARK_ARGS)

demo: ## a real small model labels product reviews: list-llms, then the recipe
	@$(PYTHON) scripts/demo.py

form: ## the plugin's forms in a browser, as the descriptors are now
	@$(PYTHON) scripts/form.py serve

screenshots: ## the pictures of forms, macros' results and run report in docs/images/; needs Chromium
	@$(PYTHON) scripts/form.py screenshots && $(PYTHON) scripts/report.py && $(PYTHON) scripts/macro_results.py

test: ## all tests; branch coverage of the core by the unit and contract tests alone
	@python=$$($(ENV) dev) && $(ENV) dss >/dev/null && \
	{ $(ENV) embedded >/dev/null || echo "The embedded model cannot be installed here: its tests are skipped."; } && \
	$$python -m coverage erase && \
	$$python -m coverage run -m pytest $(AT_ONCE) -m "not simulation" $(PYTEST_ARGS) tests/python/unit tests/python/contract && \
	$$python -m coverage combine --quiet && $$python -m coverage report && \
	$$python -m pytest $(AT_ONCE) -m simulation $(PYTEST_ARGS) tests/python/unit && \
	$$python -m pytest $(AT_ONCE_WAITING) $(PYTEST_ARGS) tests/python/functional

unit-tests: ## the core alone: seconds
	@python=$$($(ENV) dev) && $$python -m pytest tests/python/unit $(PYTEST_ARGS)

torture: ## every moment at which a run may be killed, every fault, 20,000 schedules: some 45 minutes
	@python=$$($(ENV) dev) && $(ENV) dss >/dev/null && \
	TORTURE=1 $$python -m pytest -rP --timeout 1200 tests/python/unit/test_adaptive_concurrency.py \
	tests/python/unit/test_limiter_outages.py \
	tests/python/unit/test_schedules.py tests/python/functional/test_kills.py tests/python/functional/test_faults.py \
	$(PYTEST_ARGS)

matrix: ## unit and job tests with every Python, pandas and openai, into docs/compatibility.md; some by MATRIX_ARGS
	@$(PYTHON) scripts/compatibility.py $(MATRIX_ARGS)

integration: ## all of it on a real Dataiku: DSS_URL, DSS_API_KEY, LLM_ID; see tests/python/integration/README.md
	@python=$$($(ENV) dev) && archive=$$($(PYTHON) scripts/build_plugin.py) && \
	PYTHONPATH=tests/python $$python -m integration $$archive

check: ## format, lint, types, import contracts
	@python=$$($(ENV) dev) && bin=$$(dirname $$python) && \
	$$bin/ruff format --check $(CHECKED) && \
	$$bin/ruff check $(CHECKED) && \
	$$bin/mypy && \
	for macro in python-runnables/*/runnable.py; do $$bin/mypy $$macro || exit 1; done && \
	PYTHONPATH=python-lib $$bin/lint-imports

format: ## format the code and mend what the linter can
	@bin=$$(dirname $$($(ENV) dev)) && $$bin/ruff format $(CHECKED) && $$bin/ruff check --fix $(CHECKED)

plugin: ## the zip to install in Dataiku and its bill of materials, in dist/
	@$(PYTHON) scripts/build_plugin.py

wheels: ## the exact wheels of the code env, for a Dataiku without a package registry, in dist/
	@$(PYTHON) scripts/wheels.py $(WHEELS_ARGS)

fuzz: ## hostile cells, answers, schemas, forms and run folders, two hundred times as many as the tests try: half an hour
	@python=$$($(ENV) dev) && FUZZ=200 $$python -m pytest --timeout 3600 tests/python/unit/test_hostile_*.py $(PYTEST_ARGS)

lock: ## requirements/*.txt anew: exact versions with hashes, and the wheels of the code env
	@$(PYTHON) scripts/lock.py

audit: ## known vulnerabilities of what we install and of the code env; 3 where no service answers
	@$(PYTHON) scripts/audit.py

bench: ## speed beside other clients; see bench/README.md
	@$(PYTHON) -m bench.run $(BENCH_ARGS)

bench-validation: ## what checking answers against a JSON schema costs a row
	@python=$$($(ENV) dev) && PYTHONPATH=python-lib $$python -m bench.validation

bench-checkpoint: ## what order, fingerprints and saved answers cost
	@$(PYTHON) -m bench.checkpoint $(BENCH_ARGS)

bench-resume: ## how soon a run goes on that finds a million answers
	@$(PYTHON) -m bench.resume $(BENCH_ARGS)

bench-memory: ## memory at ten thousand to a million rows: hours
	@$(PYTHON) -m bench.memory $(BENCH_ARGS)

bench-crash: ## rows paid twice after a kill, beside clients that save
	@$(PYTHON) -m bench.crash $(BENCH_ARGS)

bench-adaptive: ## concurrency found out against the best fixed one, simulated
	@$(PYTHON) -m bench.adaptive $(BENCH_ARGS)

bench-scale: ## partitions at once, measured; a hundred million rows over fifty of them, simulated
	@$(PYTHON) -m bench.partitions && $(PYTHON) -m bench.scale $(BENCH_ARGS)

soak: ## half an hour in which everything goes wrong now and then
	@python=$$($(ENV) dev) && $(ENV) dss >/dev/null && $$python -m bench.soak $(BENCH_ARGS)

clean: ## forget everything that was installed or built
	rm -rf .venv .demo dist bench/build .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
