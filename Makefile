# Holdfast. `make` lists what can be made.
GO      ?= go
PREFIX  ?= /usr
SBINDIR ?= $(PREFIX)/sbin
OCFDIR  ?= $(PREFIX)/lib/ocf
DAEMONDIR ?= $(PREFIX)/lib/pacemaker
UNITDIR ?= /lib/systemd/system
MANDIR  ?= $(PREFIX)/share/man
DOCDIR  ?= $(PREFIX)/share/doc/holdfast
PROGRAMS = corosyncd crmd fenced hcs holdfast-tools holdfast-agents
FUZZTIME ?= 20s
SIMFUZZ ?= 2000
SEED ?= 1
RUNS     ?= 50
STATICCHECK = .tools/staticcheck
# Where `make deps` puts Go, and Pacemaker's commands to compare with, on a machine that has none.
export PATH := $(CURDIR)/.tools/go/bin:$(PATH):/usr/local/go/bin:$(CURDIR)/.tools/peer/usr/sbin

.PHONY: help deps build install test race fuzz simfuzz lint bench stress histories demo play lab peers chaos watch qnetd vm clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | column -t -s '|'

deps: ## what the tests need of the distribution, and Go, where it is missing
	@tests/deps.sh test

build: ## every program, and every drop-in name, under bin/
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/ $(addprefix ./cmd/,$(PROGRAMS))
	@for name in $$(bin/holdfast-tools --list); do ln -sf holdfast-tools bin/$$name; done

install: build ## into DESTDIR and PREFIX
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(OCFDIR)/resource.d/holdfast $(DESTDIR)$(UNITDIR) $(DESTDIR)$(DOCDIR)/examples
	install -m 755 $(addprefix bin/,$(PROGRAMS)) $(DESTDIR)$(SBINDIR)
	for name in $$(bin/holdfast-tools --list); do ln -sf holdfast-tools $(DESTDIR)$(SBINDIR)/$$name; done
	install -d $(DESTDIR)$(DAEMONDIR)
	for name in $$(bin/holdfast-tools --list-daemons); do ln -sf $(SBINDIR)/holdfast-tools $(DESTDIR)$(DAEMONDIR)/$$name; done
	for name in $$(bin/holdfast-agents --list); do ln -sf $(SBINDIR)/holdfast-agents $(DESTDIR)$(OCFDIR)/resource.d/holdfast/$$name; done
	install -m 644 conf/systemd/*.service $(DESTDIR)$(UNITDIR)
	install -m 644 conf/*.toml conf/prometheus/*.yml conf/grafana/*.json $(DESTDIR)$(DOCDIR)/examples
	install -d $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man8
	install -m 644 conf/man/*.5 $(DESTDIR)$(MANDIR)/man5
	install -m 644 conf/man/*.8 $(DESTDIR)$(MANDIR)/man8
	install -d $(addprefix $(DESTDIR)$(PREFIX)/share/,bash-completion/completions zsh/vendor-completions fish/vendor_completions.d)
	bin/hcs completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/hcs
	bin/hcs completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_hcs
	bin/hcs completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/hcs.fish

test: deps build ## everything that CI runs: the race detector is on, real clusters in the lab included
	CGO_ENABLED=1 $(GO) test -race -timeout 15m ./...

race: test ## the same: tests always run with the race detector

fuzz: ## every fuzz target for FUZZTIME
	@for pkg in $$(grep -rl '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$pkg/*_test.go | sed 's/func //'); do \
	    echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$pkg || exit 1; done; done

simfuzz: ## the scheduler beside an installed crm_simulate on SIMFUZZ random clusters and as many changed cases, from seed SEED
	HOLDFAST_FUZZ=$(SIMFUZZ) HOLDFAST_FUZZ_SEED=$(SEED) $(GO) test -count=1 -timeout 180m -v -run AreAnsweredAlike ./tests/peers/simfuzz

lint: $(STATICCHECK) ## gofmt, go vet, staticcheck, and govulncheck where its database can be reached
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "gofmt is needed"; exit 1; }
	$(GO) vet ./...
	$(STATICCHECK) ./...
	@if command -v govulncheck >/dev/null && curl -sfm 5 -o /dev/null https://vuln.go.dev/index/db.json; then govulncheck ./...; else echo "govulncheck: not installed, or its database cannot be reached"; fi

$(STATICCHECK):
	GOBIN=$(CURDIR)/.tools $(GO) install honnef.co/go/tools/cmd/staticcheck@v0.8.2

demo: ## a cluster of three nodes and one of two lose a node's power: who does what when
	@tests/deps.sh demo
	@$(GO) run ./tests/demo

play: ## three machines in namespaces, with Holdfast installed and a prompt, to try the README on
	@tests/deps.sh demo
	@$(GO) run ./tests/lab/cmd -bare 3

bench: ## figures as JSON lines, beside real Pacemaker where it is there; BENCH=name for one
	@tests/deps.sh bench
	@BENCH="$(BENCH)" $(GO) run ./tests/bench

lab: deps ## only the tests with real clusters
	CGO_ENABLED=1 $(GO) test -race -count=1 ./tests/lab/... ./tests/demo ./tests/bench

qnetd: RUNS = 20
qnetd: deps build ## long: two nodes and a quorum device server, every fault RUNS times, with Debian's server and ours
	HOLDFAST_RUNS=$(RUNS) CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 60m -v ./tests/qnetd

peers: deps ## long: the drop-in commands beside Pacemaker's own, and under pcs and crmsh, every case; both have to be there
	HOLDFAST_PEERS=all CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 30m ./tests/peers/... ./tests/clients

watch: deps build ## long: what is seen, told apart and throttled on starved nodes; RUNS=n, LOAD=5m
	HOLDFAST_RUNS=$(or $(RUNS),20) HOLDFAST_LOAD=$(or $(LOAD),5m) $(GO) test -count=1 -timeout 60m -v ./tests/observe

chaos: deps build ## long: 50 link cuts of two nodes, 50 kills -9 of daemons under load; RUNS=n
	HOLDFAST_RUNS=$(RUNS) CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 60m -v ./tests/failover

vm: ## long: watchdogs, IPMI, reservations, volume groups, systemd and bad networks on virtual machines with Debian's kernel, by qemu; IDLE=1m and LOAD=1m without a reset, LOSS=1m in each network, CUTS=2 of the link with reservations
	@tests/deps.sh vm
	HOLDFAST_VM=1 HOLDFAST_VM_CUTS=$(or $(CUTS),2) HOLDFAST_VM_IDLE=$(or $(IDLE),1m) HOLDFAST_VM_LOAD=$(or $(LOAD),1m) HOLDFAST_VM_LOSS=$(or $(LOSS),1m) CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 60m -v ./tests/vm

stress: ## 0 lost members under load, beside real Corosync: STRESS_SECONDS, STRESS_LOADS, STRESS_CLASSES, STRESS_FAILURES, STRESS_NICE
	@tests/deps.sh bench
	@$(GO) run ./tests/bench stress

histories: ## 10,000 simulated membership histories, and loss for an hour at each rate
	SIMNET_RUNS=$${SIMNET_RUNS:-10000} SIMNET_LOSS=$${SIMNET_LOSS:-1h} $(GO) test -timeout 5h -count=1 -run 'TestHistories|TestLoss' -v ./tests/simnet

clean: ## what make made
	rm -rf bin .tools
