# From a clean clone to a running herd: make up. Each step says what it does and how long it took;
# the work is done by the scripts of tools/.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: bench-sim soak test-mixed test-acceptance test-compose test-pgbackrest test-monitoring \
        help up status down destroy packages test-packages \
        deps programs build deb test-deb debug test test-fresh bench-failover bench-router bench-two-primaries bench-footprint storms bench format lint asan tsan fuzz clean

# What the scripts read from their environment.
export OVERLAYS PG NODES ROUTER PORT_BASE HERD_DIR ARGS YES JOBS PGHERD_PG_BINDIR PGHERD_DEPS_DIR \
       PGHERD_DEBIAN_MIRROR KEEP FUZZ_SECONDS

help:  ## this list
	@echo 'make <target> [VARIABLE=value...]'
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1 \2/p' $(MAKEFILE_LIST) | \
	  while read -r target what; do printf '  %-16s %s\n' "$$target" "$$what"; done
	@echo
	@echo 'PG=17|18|15      PostgreSQL version            PGHERD_PG_BINDIR=  another build of PostgreSQL'
	@echo 'ROUTER=pgherd    instead of haproxy'
	@echo 'NODES=           number of nodes               PORT_BASE=         first port to use'
	@echo 'HERD_DIR=        where the data goes           ARGS=              more for pgherd local'
	@echo 'YES=1            destroy without asking        JOBS=              parallel compilers and tests'

up: programs  ## install, build and start a whole herd on this machine
	@tools/herd up

status:  ## what the herd is doing
	@tools/herd status

down:  ## stop the herd, keep its data
	@tools/herd down

destroy:  ## stop the herd and remove its data (asks, unless YES=1)
	@tools/herd destroy

packages:
	@tools/bootstrap/install-packages run build

test-packages:
	@tools/bootstrap/install-packages run build test

deps: packages  ## find or unpack PostgreSQL, etcd and HAProxy
	@tools/bootstrap/fetch-deps
	@tools/bootstrap/make-user

test-deps: test-packages deps
	@tools/bootstrap/fetch-deps etcd-3.4 etcdctl-3.4

programs: deps
	@tools/build release pgherd

build: deps  ## build everything, release
	@tools/build release

debug: packages  ## build everything, debug
	@tools/build debug

test: test-deps  ## build and run all tests: unit, contract, scenarios, simulator, black-box
	@tools/build release
	@tools/run-tests release

test-fresh:  ## make up and make test in a new Debian 12 and a new Debian 13
	@tools/bootstrap/install-packages fresh
	@tools/test-fresh $(RELEASES)

test-mixed: programs  ## clusters of pgherd and real Patroni 4.0 and 3.0 together: a matrix of what works
	@tools/bootstrap/install-packages test mixed
	@tools/build release pgherd_values_again
	@tools/bootstrap/fetch-patroni
	@tools/test-mixed

test-acceptance: programs  ## Patroni's own behave features on pgherd: PATRONI_SOURCE= a source tree of it, FEATURES=
	@tools/bootstrap/install-packages acceptance
	@tools/test-acceptance "$(PATRONI_SOURCE)" $(FEATURES)

test-compose:  ## deploy/compose with a real Docker daemon (QUICK=1: start, failover, client only; OVERLAYS=tls,monitoring,backup)
	@tools/bootstrap/install-packages run compose
	@tools/test-compose $(if $(QUICK),--quick)

test-pgbackrest: programs  ## a cluster with pgBackRest: archive, backup, replicas and a new cluster from the repository
	@tools/bootstrap/install-packages test
	@tools/bootstrap/fetch-deps pgbackrest
	@tools/test-pgbackrest

deb: deps  ## the Debian package, into build/deb, looked at by lintian
	@tools/bootstrap/install-packages deb
	@tools/deb

test-monitoring: programs  ## deploy/monitoring over a herd: alerts, every query of the dashboard, the loss of a primary
	@tools/bootstrap/install-packages test monitoring
	@tools/bootstrap/fetch-deps prometheus promtool alertmanager amtool postgres-exporter node-exporter
	@tools/test-monitoring

test-deb: deps  ## the package installed, upgraded, removed and purged in new Debian 12 and 13 roots (RELEASES=)
	@tools/bootstrap/install-packages deb fresh
	@tools/test-deb $(RELEASES)

asan: test-deps  ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/build asan-ubsan
	@tools/run-tests asan-ubsan

tsan: test-deps  ## the tests under ThreadSanitizer
	@tools/build tsan
	@tools/run-tests tsan

fuzz: packages  ## fuzz each parser for FUZZ_SECONDS=60 (clang, AddressSanitizer)
	@tools/bootstrap/install-packages fuzz
	@tools/run-fuzz

bench: packages  ## what a decision costs, and reading the store (Google Benchmark)
	@tools/bootstrap/install-packages bench
	@tools/build bench pgherd_micro_bench
	@build/bench/pgherd_micro_bench $(ARGS)

bench-failover: programs  ## how long writes are refused when the primary is lost
	@tools/bootstrap/install-packages test bench
	@bench/failover

bench-router: programs  ## what a proxy costs: direct, HAProxy and the router, with pgbench
	@tools/bootstrap/install-packages test bench
	@bench/router

bench-two-primaries: programs  ## for how long two nodes acknowledge writes when a leader is lost
	@tools/bootstrap/install-packages test bench
	@bench/two-primaries

storms: programs  ## random faults over real processes, STORMS=n of them, and what must be true after each
	@tools/bootstrap/install-packages test bench
	@bench/storms --storms $(or $(STORMS),20) $(ARGS)

bench-footprint: programs  ## memory and processor time of a herd at rest
	@tools/bootstrap/install-packages test bench
	@bench/footprint

bench-sim: packages  ## how many schedules an hour the simulator judges, and which rules were at work
	@tools/build release pgherd-sim
	@bench/sim

soak: packages  ## fresh schedules for HOURS=n hours
	@tools/build release pgherd-sim
	@bench/soak $(HOURS)

format:  ## clang-format everything in place
	@tools/bootstrap/install-packages lint
	@git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

lint: packages  ## clang-format, shellcheck, clang-tidy (what was clean is not looked at again)
	@tools/bootstrap/install-packages lint
	@tools/build release
	@tools/lint

clean:  ## remove what was built (.deps and the herd's data stay)
	rm -rf build
