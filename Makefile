# What there is to do here; `make` alone lists it.

# Without git it is empty, and the binary says what Go knows of its version.
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null)
FUZZTIME ?= 10s
ISOLATION_STEPS ?= 1000000
# Which databases the tests of faults break: etcd, consul, zookeeper, dynamodb, with commas; all is all.
STORES   ?= all
TORTURE_OPS   ?= 1000000
TORTURE_KILLS ?= 100
TARGETS  ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# Where the Lambda's zips go, and for which of its architectures.
LAMBDA_OUT   ?= dist
LAMBDA_ARCHS ?= arm64 x86_64
# No name of a folder and nothing of git is in the program, so that one commit and one Go give one zip. The tags leave out what a Lambda does not use.
LAMBDA_BUILD = CGO_ENABLED=0 GOOS=linux go build -trimpath -buildvcs=false -ldflags "-s -w" -tags lambda.norpc,nomsgpack,grpcnotrace

# A tool of tools/go.mod, at the version that is pinned there.
TOOL = go tool -modfile=tools/go.mod

.PHONY: help run demo build test servers test-stores torture-stores isolation fuzz lint bench bench-lambda bench-stores dist lambda helm terraform clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{ printf "  make %-14s  %s\n", $$1, $$2 }' Makefile

run: ## Start the gateway for trying it out: Events API on :4000, Config API on :4001
	go run ./cmd/event-gateway -dev

demo: ## Start the gateway and the example functions, and run the README's commands
	./examples/demo.sh

build: ## Build bin/event-gateway
	go build -ldflags "-X main.version=$(VERSION)" -o bin/event-gateway ./cmd/event-gateway

test: ## Run all tests with the race detector; TESTFLAGS=-v adds flags
	@cc=$$(go env CC); race=; \
	if [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$${cc%% *}" >/dev/null; then race=-race; \
	elif [ -n "$$CI" ]; then echo "The race detector needs a C compiler (gcc or clang), and there is none: CI must have one." >&2; exit 1; \
	else echo "THE RACE DETECTOR IS OFF: it needs a C compiler (gcc or clang), and there is none." >&2; fi; \
	set -x; go test $$race $(TESTFLAGS) ./...

servers: bin/servers/etcd bin/servers/consul ## Build or install the databases that the tests of the stores use, into bin/servers
	@./store/storetest/servers/install.sh

# Each is a module of its own, with one tool. The first build of Consul takes minutes.
bin/servers/%: store/storetest/servers/%/go.mod store/storetest/servers/%/go.sum
	cd store/storetest/servers/$* && CGO_ENABLED=0 go build -ldflags "-s -w" -o $(CURDIR)/$@ tool
	@touch $@

test-stores: servers ## Run the tests of the stores, also those that kill, freeze and cut off the servers of STORES (all)
	go test -race $(TESTFLAGS) ./store/...
	STORES=$(STORES) go test -race -count=1 -timeout 20m $(TESTFLAGS) ./store/storetest/faults/

torture-stores: servers ## TORTURE_OPS (1,000,000) operations and TORTURE_KILLS (100) kills for STORES (all) together; writes a line for each into docs/reports
	STORES=$(STORES) TORTURE_OPS=$(TORTURE_OPS) TORTURE_KILLS=$(TORTURE_KILLS) TORTURE_REPORT=$(CURDIR)/docs/reports/$(shell date +%F)-stores-torture.md \
		go test -count=1 -timeout 5h -run '^TestTorture$$' -v ./store/storetest/faults/

isolation: ## Drive ISOLATION_STEPS (1,000,000) random steps over hosted spaces, and compare each with a model; `make test` drives 5,000
	ISOLATION_STEPS=$(ISOLATION_STEPS) go test -count=1 -timeout 20m -run '^TestIsolation$$' -v ./handlers/

fuzz: ## Run each fuzz target for FUZZTIME (10s); `make test` runs their corpus only
	FUZZTIME=$(FUZZTIME) ./tools/fuzz.sh

lint: ## Run gofmt, go vet, staticcheck and go mod tidy; they change nothing
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then printf 'gofmt would change:\n%s\n' "$$unformatted" >&2; exit 1; fi
	go vet ./...
	$(TOOL) staticcheck ./...
	go mod tidy -diff
	cd tools && go mod tidy -diff

bench: ## Measure, and print the table
	./bench/run.sh

bench-lambda: lambda ## Measure the Lambda, print the table, and fail if a limit is exceeded
	$(LAMBDA_BUILD) -o bin/bare-lambda ./bench/barelambda
	./bench/run.sh -lambda -strict

bench-stores: servers ## Measure each store against the client of its database, print the table, and fail if a limit is exceeded
	STORES=$(STORES) go test -count=1 -timeout 30m -run '^TestNumbers$$' -v ./bench/stores/

dist: ## Cross-compile into dist/, with checksums; TARGETS="linux/arm64 windows/amd64" selects
	@mkdir -p dist && rm -f dist/SHA256SUMS dist/event-gateway-linux-* dist/event-gateway-darwin-* dist/event-gateway-windows-*
	@for target in $(TARGETS); do \
		os=$${target%/*}; arch=$${target#*/}; exe=; if [ $$os = windows ]; then exe=.exe; fi; \
		(set -x; CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" \
			-o dist/event-gateway-$$os-$$arch$$exe ./cmd/event-gateway) || exit 1; \
	done
	@cd dist && { sha256sum event-gateway-* 2>/dev/null || shasum -a 256 event-gateway-*; } >SHA256SUMS && cat SHA256SUMS

lambda: ## Build the Lambda's zips into dist/, for arm64 and x86_64, and print their sizes and digests
	@mkdir -p $(LAMBDA_OUT)
	@for arch in $(LAMBDA_ARCHS); do \
		goarch=$$arch; if [ $$arch = x86_64 ]; then goarch=amd64; fi; \
		zip=$(LAMBDA_OUT)/event-gateway-lambda-$$arch.zip; rm -f $$zip; \
		(set -x; GOARCH=$$goarch $(LAMBDA_BUILD) -o bin/lambda-$$arch ./cmd/event-gateway-lambda) && \
		go run ./deploy/lambda bin/lambda-$$arch $$zip || exit 1; \
	done

helm: bin/tools/helm bin/tools/kubectl-validate ## Check the Helm chart, without a cluster
	./deploy/helm/check.sh

# Each is a module of its own, with one tool. The first build takes minutes.
bin/tools/%: deploy/helm/tools/%/go.mod deploy/helm/tools/%/go.sum
	cd deploy/helm/tools/$* && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $(CURDIR)/$@ tool
	@touch $@

terraform: ## Check the Terraform module: format, validity, and its tests with a mocked AWS; TERRAFORM_PLUGINS names a folder with the provider
	./tools/terraform.sh

clean: ## Remove bin/ and dist/
	rm -rf bin dist
