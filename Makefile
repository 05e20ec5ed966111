# `make` alone lists the targets.

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
MANDIR  ?= $(DATADIR)/man/man8
DOCDIR  ?= $(DATADIR)/doc/atomhost
# systemd reads this directory under /usr and under /usr/local.
UNITDIR ?= $(PREFIX)/lib/systemd/system
# Or aarch64-unknown-linux-gnu.
TARGET  ?= x86_64-unknown-linux-gnu
BINARY  ?= $(or $(CARGO_TARGET_DIR),target)/$(TARGET)/release/atomhost
# What runs a binary for another machine, for its manual and completions.
RUN     ?= $(if $(filter-out $(shell uname -m)%,$(TARGET)),qemu-$(firstword $(subst -, ,$(TARGET)))-static)

# The one that takes changes back is part of the binary, which puts it in place when there is something to take back.
UNITS   := $(filter-out systemd/atomhost-revert.service,$(wildcard systemd/*))

# Of the cases on virtual hosts only those whose name contains this: make test LAB=power_cut
LAB ?=

export HOME := $(or $(HOME),$(shell getent passwd "$$(id -u)" | cut -d: -f6))
# Where scripts/setup puts a toolchain that was not there before; first, as a distribution's may be too old.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
export LAB SECONDS_EACH TARGET RUN

.PHONY: help try test check audit fuzz torture bench build install deb rpm image sbom reproducible uninstall clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

try: ## boot a virtual host that provisions itself, and watch it (root)
	@scripts/setup lab
	@cargo test --locked --profile lab --test try --no-run
	@cargo test --locked --profile lab --test try --quiet

test: ## run every test, virtual hosts included (root); LAB=NAME runs fewer of those
	@scripts/setup lab
	@scripts/test

check: ## run the tests and checks that need no virtual host
	@scripts/setup build
	@scripts/test quick

audit: ## check what the dependencies may be, and known advisories
	@scripts/setup build
	@scripts/audit

fuzz: ## look for input that breaks a parser, with coverage (a nightly toolchain); SECONDS_EACH=60 for each target
	@scripts/setup build
	@scripts/fuzz

torture: ## cut off run after run, in and between all actions (root, an hour or two); TORTURE=growth/power for fewer
	@scripts/setup lab
	@cargo test --locked --profile lab --test torture

bench: ## measure, on a virtual host (root)
	@scripts/setup lab
	@cargo bench --locked --bench bench

build: ## build the static binary and prove that it is one; TARGET=aarch64-unknown-linux-gnu for 64-bit ARM
	@scripts/setup build "$(TARGET)"
	@scripts/build
	@scripts/check-static "$(BINARY)"

install: ## install what `make build` built: PREFIX=/usr/local, DESTDIR=
	@test -x "$(BINARY)" || $(MAKE) --no-print-directory build
	install -Dm 755 "$(BINARY)" "$(DESTDIR)$(BINDIR)/atomhost"
	install -d "$(DESTDIR)$(MANDIR)" "$(DESTDIR)$(UNITDIR)"
	$(RUN) "$(BINARY)" man --out "$(DESTDIR)$(MANDIR)"
	install -d "$(DESTDIR)$(MANDIR)/../man5"
	mv "$(DESTDIR)$(MANDIR)/atomhost-profile.5" "$(DESTDIR)$(MANDIR)/../man5/"
	for unit in $(UNITS); do \
	    sed 's|/usr/local/bin/atomhost|$(BINDIR)/atomhost|' "$$unit" >"$(DESTDIR)$(UNITDIR)/$${unit##*/}" || exit; \
	done
	install -d "$(DESTDIR)$(DATADIR)/bash-completion/completions" \
	    "$(DESTDIR)$(DATADIR)/zsh/site-functions" "$(DESTDIR)$(DATADIR)/fish/vendor_completions.d"
	$(RUN) "$(BINARY)" completions bash >"$(DESTDIR)$(DATADIR)/bash-completion/completions/atomhost"
	$(RUN) "$(BINARY)" completions zsh >"$(DESTDIR)$(DATADIR)/zsh/site-functions/_atomhost"
	$(RUN) "$(BINARY)" completions fish >"$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/atomhost.fish"
	install -Dm 644 -t "$(DESTDIR)$(DOCDIR)" README.md CHANGELOG.md doc/profile.md LICENSE-MIT LICENSE-APACHE
	install -Dm 644 -t "$(DESTDIR)$(DOCDIR)/profiles" profiles/*.yaml
	install -Dm 644 -t "$(DESTDIR)$(DOCDIR)/monitoring" monitoring/*
	install -Dm 644 -t "$(DESTDIR)$(DOCDIR)/kubernetes" kubernetes/*
	sed -i 's|/usr/local/bin/atomhost|$(BINDIR)/atomhost|' "$(DESTDIR)$(DOCDIR)/monitoring/atomhost-check-metrics.conf"

deb: ## make a Debian package of what `make build` built, in target/
	@test -x "$(BINARY)" || $(MAKE) --no-print-directory build
	@scripts/package deb "$(BINARY)" target/package

rpm: ## make an RPM package of what `make build` built, in target/
	@test -x "$(BINARY)" || $(MAKE) --no-print-directory build
	@scripts/package rpm "$(BINARY)" target/package

image: ## make a container image of what `make build` built, in target/
	@test -x "$(BINARY)" || $(MAKE) --no-print-directory build
	@scripts/image "$(BINARY)" target/image/atomhost

sbom: ## list what the binary is made of, as CycloneDX, in target/
	@scripts/setup build
	@scripts/sbom target/package/atomhost.cdx.json

reproducible: ## build the last commit twice, in different places, and compare
	@scripts/setup build
	@scripts/reproducible

uninstall: ## remove what `make install` installed; a host's profile and state stay
	rm -f "$(DESTDIR)$(BINDIR)/atomhost" "$(DESTDIR)$(MANDIR)"/atomhost.8 "$(DESTDIR)$(MANDIR)"/atomhost-*.8 \
	    "$(DESTDIR)$(MANDIR)"/../man5/atomhost-profile.5
	for unit in systemd/*; do rm -f "$(DESTDIR)$(UNITDIR)/$${unit##*/}"; done
	rm -f "$(DESTDIR)$(DATADIR)/bash-completion/completions/atomhost" \
	    "$(DESTDIR)$(DATADIR)/zsh/site-functions/_atomhost" \
	    "$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/atomhost.fish"
	rm -rf "$(DESTDIR)$(DOCDIR)"

clean: ## remove everything that was built, images of virtual hosts included
	@cargo clean
