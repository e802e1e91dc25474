# make check is what .ci/run checks before it runs anything slow.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 10s
BENCH       ?= .
COUNT       ?= 10

.PHONY: demo test check bench fuzz cover

demo: ## the embedded workload under several policies, with a report in out/demo
	go run . demo

test: ## every test
	go test ./...

check: ## format, vet, staticcheck, the repository's own rules, go.mod, generated files
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "gofmt -w these files:"; echo "$$files"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	go mod tidy -diff
	go mod verify
	go test ./internal/repo

bench: ## BENCH selects by name, COUNT repeats; compare two outputs with benchstat
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) ./sim/... ./workloads/... ./reference/...

fuzz: ## a short run of every fuzz target
	@grep -rHo --include='*_test.go' 'func Fuzz[A-Za-z0-9_]*' . | sed 's/:func /:/' | sort | while IFS=: read -r file target; do \
		echo "fuzz $$target in $$(dirname $$file)"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$(dirname $$file)" </dev/null || exit 1; \
	done

cover: ## what the tests of a package and of its users reach
	go test -coverpkg=./... -coverprofile=out/cover.out ./... 
	go tool cover -func=out/cover.out | tail -1
