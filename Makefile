# make help                     this list
# make run                      the gateway in front of a payments service that can be broken
# make run UPSTREAM=http://…    the gateway in front of your own service
# make core                     the core's tests alone: installs nothing, and is what to run while you write
# make test                     every test
# make check                    everything that must hold before a change lands (.ci/run)
# make build                    the release binary, at .build/release/holdfast
# make dist                     the same with all it needs beyond a bare Debian, as an archive in dist/
# make lint, make format        the style, checked or applied
# make docs                     builds the documentation of every product, and says what is wrong in it
# make examples                 builds and runs the package in Examples
# make bench                    the core, the stores and the gateway, each beside its peers
# make model                    has spin walk the model of the claim protocol, and its mutants
# make mutants                  breaks each line of the machines that decides, and sees that a test fails
# make embedded                 compiles the machines for WebAssembly, and compares them there with the native ones
# make drill                    kills workers, stops them, crashes the stores' servers, fills their disk: half an hour
# make abuse [BINARY=FILE]      attacks the gateway, and measures what others notice: ten minutes
# make soak [BINARY=FILE]       a quarter of an hour of everything at once: memory, descriptors and threads must be flat
# make night [BINARY=FILE]      plays a night: what breaks, which alert fires when, what the guide has an operator do: six minutes
# make attack [BINARY=FILE]     sends the gateway what two readers could read in two ways: some minutes
# make fuzz                     feeds every parser with 10,000,000 inputs that nobody would send: half an hour
# make fuzz ENGINE=mutator      the same where the toolchain has no libFuzzer
# make conformance              writes Documentation/Conformance.md from its register, and says what is wrong in it
# make alerts                   checks the alerts in Deployment, and that each fires when it must and not before
# make count                    the core's instructions and allocations, against those recorded
.PHONY: alerts help core embedded mutants check docs run build dist test lint format examples bench conformance count model drill abuse soak night attack fuzz

SWIFT_FLAGS = --traits Gateway
ENGINE = libfuzzer
CORE = ^Holdfast(Machines|Idempotency|HTTP)?Tests\.

.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make \)/\1/p' Makefile

core:
	@Scripts/need-swift
	@swift test --scratch-path .build-core --filter '$(CORE)'

check:
	@.ci/run

docs:
	@Scripts/need-swift
	@Scripts/check-docs

run: build
ifdef UPSTREAM
	@echo "holdfast: starting the gateway in front of $(UPSTREAM)"
	@exec .build/release/holdfast gateway --upstream '$(UPSTREAM)'
else
	@echo "holdfast: starting the demonstration"
	@exec .build/release/holdfast demo
endif

build:
	@Scripts/need-swift
	@Scripts/install libsqlite3-dev libpq5
	@echo "holdfast: building (the first time takes some minutes, later ones seconds)"
	@swift build -c release $(SWIFT_FLAGS) --product holdfast

dist:
	@Scripts/dist

test:
	@Scripts/need-swift
	@Scripts/install libsqlite3-dev libpq5 postgresql pgbouncer redis-server openssl chromium chromium-driver prometheus
	@echo "holdfast: building and running every test"
	@swift test $(SWIFT_FLAGS) --experimental-maximum-parallelization-width 12

lint:
	@Scripts/need-swift
	@echo "holdfast: linting"
	@git ls-files -z '*.swift' | xargs -0 swift format lint --strict

format:
	@Scripts/need-swift
	@echo "holdfast: formatting"
	@git ls-files -z '*.swift' | xargs -0 swift format -i

examples:
	@Scripts/need-swift
	@echo "holdfast: building and running the examples"
	@cd Examples && swift run FirstPolicy && swift run CallsOverGRPC

bench: build
	@Scripts/install python3 python3-venv
	@echo "holdfast: measuring the core against the bare call, and two peers"
	@Benchmarks/core/run
	@echo "holdfast: measuring the stores beside one commit a command, and pgbench"
	@Benchmarks/stores/run
	@echo "holdfast: measuring the gateway beside nginx, HAProxy and Envoy"
	@Benchmarks/gateway/run

conformance:
	@Scripts/install python3
	@Scripts/conformance

alerts:
	@Scripts/check-alerts

count:
	@Scripts/install valgrind python3
	@Benchmarks/core/count

model:
	@Scripts/check-model

mutants:
	@Scripts/need-swift
	@Scripts/install python3
	@Scripts/check-mutants

embedded:
	@Scripts/need-swift
	@Scripts/check-embedded

drill:
	@Scripts/need-swift
	@Scripts/check-drill

abuse: $(if $(BINARY),,build)
	@Scripts/check-abuse $(if $(BINARY),--binary '$(BINARY)')

soak: $(if $(BINARY),,build)
	@Scripts/check-soak $(if $(BINARY),--binary '$(BINARY)')

night: $(if $(BINARY),,build)
	@Scripts/check-night $(if $(BINARY),--binary '$(BINARY)')

attack: $(if $(BINARY),,build)
	@Scripts/check-attack $(if $(BINARY),--binary '$(BINARY)') --rounds 200000

fuzz:
	@Scripts/need-swift
	@Scripts/check-fuzz --engine $(ENGINE) --inputs 10000000
