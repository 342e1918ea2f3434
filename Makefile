# make test is the one that counts: it installs what it needs and runs everything.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
TOOLS       := go tool -modfile=tools.mod
SEEN        := $(CURDIR)/.cache/seen
FUZZTIME    ?= 3s
SEEDS       ?= 20
SEED        ?= 1
PARALLEL    ?= 2
RUN         ?=

.PHONY: test setup build clientjs lint unit conformance openapi e2e fuzz-short fuzz chaos bench bench-land bench-redis bench-endurance bench-client fmt clean

test: setup lint unit conformance openapi e2e fuzz-short

# Chromium, curl, Redis, HAProxy and nginx for the tests that use them, and the npm packages.
setup:
	test/setup.sh

build:
	go build -trimpath -o bin/wsbridge ./cmd/wsbridge

lint:
	test -z "$$(gofmt -l . | tee /dev/stderr)"
	go vet ./...
	$(TOOLS) staticcheck ./...
	cd test && go vet ./...
	npm --prefix js run --silent check

# Builds js/ and with it the script that the server embeds.
clientjs:
	npm --prefix js run --silent build

# What every test's server answered is noted in the file $(SEEN). Each benchmark runs once, so that
# none outlives what it measures. Then once more what has to do with
# WebSockets, with a goroutine for each instead of the system's poller.
unit:
	mkdir -p $(dir $(SEEN)) && rm -f $(SEEN)
	SEEN_ANSWERS=$(SEEN) go test -race -count=1 -timeout 20m ./...
	go test -run '^$$' -bench . -benchtime 1x ./bench
	PORTABLE=1 go test -race -count=1 -timeout 20m ./transport ./internal/behaviour

# Says how many of the public Autobahn cases ran, and which were left out and why.
conformance:
	go test -count=1 -run 'TestRFC6455$$' -v ./transport/websocket | grep -vE '^ *(=== |--- PASS: TestRFC6455/)'

# Real browsers, foreign clients: the module in test/.
e2e:
	cd test && go test -race -count=1 -timeout 15m ./...
	npm --prefix js test
	npm --prefix test test

# Compares api/openapi.json with what was seen, both ways.
openapi:
	SEEN_ANSWERS_CHECK=$(SEEN) go test -count=1 -run 'TestOpenAPISaysWhatWasSeen' -v ./api

# Every fuzz target for a moment (in make test) and for as long as FUZZTIME says.
fuzz-short:
	FUZZTIME=$(FUZZTIME) test/fuzz.sh

fuzz:
	FUZZTIME=5m test/fuzz.sh

# Every fault with SEEDS seeds from SEED on, or only those whose name matches RUN, PARALLEL of
# them at a time; prints a table.
chaos:
	cd test/chaos && go test -count=1 -timeout 3h -parallel $(PARALLEL) -run 'Test(Chaos|Controls)/$(RUN)' -seed $(SEED) -seeds $(SEEDS)

# The hot path, compared with the figures that were landed last (see bench/README.md): shown, no gate.
bench:
	bench/run.sh

bench-land:
	bench/run.sh land

# What the broker on Redis costs, beside what Redis can do. Fails when it is too much.
bench-redis:
	go run ./bench/redis

# A storm of reconnects, then minutes of steady load. Fails when something is lost or memory grows.
bench-endurance:
	go run ./bench/endurance

# How long a page waits for its first message, by what gets through. Prints a table.
bench-client:
	go build -o test/.build/wsbridge ./cmd/wsbridge
	node test/bench/client.js

fmt:
	gofmt -w .

clean:
	rm -rf bin .cache
