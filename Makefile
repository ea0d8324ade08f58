# Everything a contributor runs. `make help` lists it.

FUZZTIME ?= 60s

.DEFAULT_GOAL := help
.PHONY: help run test race fuzz lint bench release clean install

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 12

run: ## start a server with its data in ./countersign-data
	go run ./cmd/countersign serve

test: ## everything that must pass: install what is missing, lint, tests, race detector, short fuzzing
	scripts/install
	scripts/lint
	scripts/test
	scripts/race
	scripts/fuzz 5000x

race: ## the tests under the race detector (needs gcc)
	scripts/race

fuzz: ## every fuzz target for FUZZTIME each (60s unless said)
	scripts/fuzz $(FUZZTIME)

lint: ## formatting, vet, staticcheck, modules
	scripts/lint

bench: ## measure against the limits of this machine
	go run ./bench

release: ## a static, trimmed binary in dist/
	scripts/release

install: ## install with apt what the tests need and this machine lacks
	scripts/install

clean: ## remove what was built, never data
	rm -rf dist bin
