# Everything a newcomer and CI need. `make run` and `make test` set up what they use.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: run test test-long check bench bench-quick fuzz conform test-deps clean

run: $(STAMP)
	$(BIN)/itm serve --demo

# Side by side, a file at a time; the long ones stay alone, many of them measure.
test: $(STAMP)
	$(BIN)/python -m pytest -q -m "not long" --numprocesses auto --maxprocesses 4 --dist loadfile

test-long: $(STAMP)
	$(BIN)/python -m pytest -q -m long

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/house

# The short ones first; what kills POPs and floods them comes last.
bench: $(STAMP)
	$(BIN)/python -m bench.build
	$(BIN)/python -m bench.predict
	$(BIN)/python -m bench.assign
	$(BIN)/python -m bench.simulate
	$(BIN)/python -m bench.collect
	$(BIN)/python -m bench.session
	$(BIN)/python -m bench.windows
	$(BIN)/python -m bench.ingest
	$(BIN)/python -m bench.ingest.overload
	$(BIN)/python -m bench.checks
	$(BIN)/python -m bench.dns
	$(BIN)/python -m bench.dns.features
	$(BIN)/python -m bench.dns.signing
	$(BIN)/python -m bench.launch
	$(BIN)/python -m bench.stream
	$(BIN)/python -m bench.relay --pop
	$(BIN)/python -m bench.flood
	$(BIN)/python -m bench.survival

# The same once over: whether they run, and about what they say.
bench-quick: $(STAMP)
	$(BIN)/python -m bench.build --rounds 1
	$(BIN)/python -m bench.assign --rounds 1
	$(BIN)/python -m bench.simulate --networks 5000 --hours 2
	$(BIN)/python -m bench.collect
	$(BIN)/python -m bench.session --rounds 1
	$(BIN)/python -m bench.windows --networks 20000
	$(BIN)/python -m bench.ingest --rounds 1 --requests 2000
	$(BIN)/python -m bench.checks --seconds 5 --rounds 1
	$(BIN)/python -m bench.dns --seconds 1 --rounds 1
	$(BIN)/python -m bench.dns.features --seconds 0.5 --rounds 1
	$(BIN)/python -m bench.launch --count 40 --rounds 1
	$(BIN)/python -m bench.stream --seconds 1 --rounds 1
	$(BIN)/python -m bench.relay --seconds 1 --rounds 1 --idle 500
	$(BIN)/python -m bench.flood --stalled 100 --half-open 1000 --networks 50
	$(BIN)/python -m bench.survival --kills 2

# Coverage-guided fuzzing of every parser; corpus and crashes stay in build/fuzz. A minute for each, ten for
# the DNS packets; others: make fuzz FUZZ_SECONDS=600 FUZZ_TARGETS=dns_zone
FUZZ_SECONDS ?=
FUZZ_TARGETS ?=
fuzz: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[fuzz]"
	$(BIN)/python -m tests.fuzz $(if $(FUZZ_SECONDS),--seconds $(FUZZ_SECONDS)) $(FUZZ_TARGETS)

# Other people's testers on what we serve, and on four other servers; as root. CONFORM=--write notes the results.
CONFORM ?=
conform: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[conform]"
	$(BIN)/python -m tests.conform $(CONFORM)

# Debian packages that tests drive: real resolvers, servers and databases. Needs root.
test-deps:
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		dnsutils bind9-utils ldnsutils nsd knot knot-dnsutils unbound pdns-recursor knot-resolver bind9 \
		gdnsd pdns-server pdns-backend-bind zonemaster-cli libgraphviz-dev gcc \
		postgresql curl stunnel4 openssh-server openssh-client haproxy tinyproxy slapd iproute2 \
		samba python3-samba samba-dsdb-modules samba-vfs-modules samba-ad-provision \
		chromium chromium-driver libnss3-tools nmap \
		freerdp2-x11 xrdp tigervnc-standalone-server tigervnc-viewer xvfb xterm imagemagick xdotool netcat-openbsd \
		knot-dnsutils dnsdist

$(STAMP): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

clean:
	rm -rf .venv state build
