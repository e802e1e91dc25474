# make check is what .ci/run checks before it runs anything slow.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
BENCHSTAT   := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
FUZZTIME    ?= 10s
BENCH       ?= .
COUNT       ?= 10

.PHONY: demo test test-whole test-faults test-sandbox check check-gorgonia bench bench-reference bench-all fuzz cover validate

demo: ## the embedded workload under several policies, with a report in out/demo
	go run . demo

figure: demo ## README's picture, which .ci/run compares with the demo's
	cp out/demo/figures/cost-latency-quality.svg docs/demo.svg

test: ## every test
	go test ./...

check: ## format, vet, staticcheck, the repository's own rules, go.mod, generated files
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "gofmt -w these files:"; echo "$$files"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	go mod tidy -diff
	go mod verify
	go test ./internal/repo

test-whole: ## all of the CUDA backend's conformance and golden logits by the kernels' own code on the CPU, which go test does in part; minutes
	TIERLAB_WHOLE=1 go test -count=1 -run 'Conformance|Golden' -timeout 60m ./engine/backend/cuda

test-faults: ## processes killed, paused and cut off; TIERLAB_FAULT_ROUNDS of each (200; of cut-off nodes 30), over an hour
	TIERLAB_FAULTS=1 go test -count=1 -v -run Killed -timeout 30m ./bench/faults
	TIERLAB_FAULTS=1 go test -count=1 -run RandomLives -timeout 30m ./reference/session
	TIERLAB_FAULTS=1 go test -count=1 -v -run 'Faults|Conformance' -timeout 120m ./reference/journal/jetstream

test-sandbox: ## hostile programs, children that were taken over, every way out of a child, and what others notice of it; minutes
	TIERLAB_SANDBOX=1 go test -count=1 -v -run 'Hostile|Compromised|Neighbours|Attempts|Works|Stops|Count' -timeout 30m ./reference/sandbox/...

check-gorgonia: ## the second CUDA driver, with its build tag, against CUDA 12's headers and a stand-in of the library
	scripts/gorgonia-check

bench: ## figures of the kernel and of both fidelities, medians of COUNT runs; then what is measured once
	@mkdir -p out
	go test -run '^$$' -bench Hold -count $(COUNT) ./sim/des | tee out/bench.txt
	go test -run '^$$' -bench Queue -count $(COUNT) -benchtime 2x -cpu 1 ./sim | tee -a out/bench.txt
	go test -run '^$$' -bench 'Engine$$' -count $(COUNT) -benchtime 1x -cpu 1 ./sim | tee -a out/bench.txt
	go run $(BENCHSTAT) out/bench.txt
	go test -run '^$$' -bench Concurrency -benchtime 1x -cpu 1 ./sim
	go test -run '^$$' -bench EngineLength -benchtime 1x -cpu 1 ./sim
	go test -run '^$$' -bench 'BenchmarkLength' -benchtime 1x -cpu 1 ./sim # a process of its own: it reports the heap
	go test -run '^$$' -bench MM1At95 -benchtime 1x -cpu 1 ./sim/site

bench-reference: ## journals, sessions, the sandbox and the ledger beside their bars; minutes, on a machine that does nothing else
	go run . bench reference

bench-all: ## every benchmark; BENCH selects by name
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

fuzz: ## a short run of every fuzz target
	@grep -rHo --include='*_test.go' 'func Fuzz[A-Za-z0-9_]*' . | sed 's/:func /:/' | sort | while IFS=: read -r file target; do \
		echo "fuzz $$target in $$(dirname $$file)"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$(dirname $$file)" </dev/null || exit 1; \
	done

cover: ## what the tests of a package and of its users reach
	mkdir -p out
	go test -coverpkg=./... -coverprofile=out/cover.out ./...
	go tool cover -func=out/cover.out | tail -1

ENGINE   ?= cpu:small
WORKLOAD ?= ../shared/data/openhands-multi-swe/output.jsonl
SCALE    ?= 0.1
EVIDENCE ?= bench/evidence/validate

validate: ## the simulator beside the real engine, about an hour; needs a machine that does nothing else
	@mkdir -p out
	go build -o out/tierlab .
	out/tierlab calibrate --engine $(ENGINE) --out out/profile.json
	out/tierlab validate $(WORKLOAD) --engine $(ENGINE) --profile out/profile.json --token-scale $(SCALE) --settings --no-fail --out $(EVIDENCE) --force
