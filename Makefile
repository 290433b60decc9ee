# Holdfast. `make help` lists what can be made.
GO       ?= go
PREFIX   ?= /usr
SBINDIR  ?= $(PREFIX)/sbin
OCFDIR   ?= /usr/lib/ocf
UNITDIR  ?= /lib/systemd/system
MANDIR   ?= $(PREFIX)/share/man
export CGO_ENABLED = 0
BINARIES = corosyncd crmd fenced hcs holdfast-tools holdfast-agents
TOOLS    = $(CURDIR)/.tools

.PHONY: help build install test race fuzz lint bench demo lab vm clean deps
help:           ## show this list
	@grep -E '^[a-z]+: .*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12
