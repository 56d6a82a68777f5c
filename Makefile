# The commands that a C programmer types. Rust is built by cargo; what C needs from it is put into
# build/.
#
#   make                 libraries for C in build/lib
#   make help            this list
#   make demo            the example on real data
#   make check           the tests, in every language: minutes
#   make check-all       what is left: sanitizers, packages, a tenth of the torture: half an hour
#   make torture         attacks on every promise for an hour, and the scorecard
#                        (TIME=minutes SEED=n ONLY="crash fuzz")
#   make canaries        broken builds, each of which a harness must catch
#   make install         PREFIX=/usr/local LIBDIR= INCLUDEDIR= MANDIR= DESTDIR=; install-strip,
#                        uninstall: docs/packaging.md
#   make dist            the source as build/dist/fbat-VERSION.tar.gz; dist-vendored has every crate
#   make deb             Debian packages in build/deb
#   make docs            the manual as a site: build/docs/site/index.html
#   make abi             compares the binary interface with the last one that was agreed upon;
#                        abi-bless agrees: docs/abi.md
#   make features        docs/features.md: what each language reaches of the header
#   make bench           every workload on fbat and on other stores, in turn: half an hour;
#                        benches/results.md, .csv, .svg
#   make bench-quick     the same with less data, 5 minutes
#   make bench-languages what an event costs in each language; benches/bindings/results.md
#   make bench-scale     what an event costs in stores of 10 thousand to 10 million;
#                        benches/scale.md, .csv, .svg
#   make bench-scale-many  the same of a million entities in random order, up to MOST=10000000
#                        events, in DIR=/dev/shm/fbat-many; benches/scale-many.md, .csv
#   make bench-differences  what an import by origin costs where the destination has most events, in
#                        DIR=/dev/shm/fbat-differences
#   make bench-live      how soon followers have an event, and what waiting costs (2 minutes)
#   make bench-regions   what parts of a store cost: beside SQLite, and by prefix beside a scan
#                        (3 minutes)
#   make header          writes include/ again after a change to src/ffi
#   make render          the same, and all else that is rendered from it

CARGO      ?= cargo
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
DESTDIR    ?=
STRIP      ?= strip
PYTHON     ?= python3

# Version and licence stand in Cargo.toml alone. Before 1.0 every minor version may break the ABI,
# so it is part of the soname.
VERSION   := $(shell sed -n 's/^version = "\([^"]*\)".*/\1/p' Cargo.toml | head -n 1)
LICENSE   := $(shell sed -n 's/^license = "\([^"]*\)".*/\1/p' Cargo.toml | head -n 1)
MAJOR     := $(word 1,$(subst ., ,$(VERSION)))
MINOR     := $(word 2,$(subst ., ,$(VERSION)))
SOVERSION := $(if $(filter 0,$(MAJOR)),0.$(MINOR),$(MAJOR))

TARGET  := $(or $(CARGO_TARGET_DIR),target)
RELEASE := $(TARGET)/$(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)release
HEADERS := $(wildcard include/*.h include/*.hpp)

# What the archive needs beside itself: rustc --print native-static-libs.
STATIC_LIBS := -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc

# EXAMPLE_CFLAGS is apart from CFLAGS because cargo would hand the latter on to C code of its own.
EXAMPLE_CC   = $(CC) -std=c11 -O2 -g -Wall -Wextra -Wpedantic $(CFLAGS) $(EXAMPLE_CFLAGS) -Iinclude
EXAMPLE_LIB := -Lbuild/lib -Wl,-rpath,'$$ORIGIN/../lib' -lfbat

.PHONY: all lib man print-version print-soversion examples demo check check-all torture canaries \
  bench bench-quick bench-scale bench-scale-many bench-languages \
  bench-regions bench-differences bench-live header render install install-strip \
  uninstall dist dist-vendored deb docs abi abi-bless features setup clean help
all: lib

BUILT := $(wildcard build/lib/libfbat.so.$(VERSION))

# cargo decides what is out of date, so this runs every time, but for `sudo make install` by a root
# who has no Rust. The soname link stands beside the library, or a program that was linked against
# it could not start.
lib:
ifneq ($(or $(shell command -v $(CARGO)),$(if $(BUILT),,missing)),)
	$(CARGO) build --release --locked
	@mkdir -p build/lib
	@cp -u $(RELEASE)/libfbat.a build/lib/libfbat.a
	@cp -u $(RELEASE)/libfbat.so build/lib/libfbat.so.$(VERSION)
	@ln -sf libfbat.so.$(VERSION) build/lib/libfbat.so.$(SOVERSION)
	@ln -sf libfbat.so.$(SOVERSION) build/lib/libfbat.so
else
	@echo 'cargo is not here: build/lib is taken as it is'
endif

# Pages need Python, and the description of the header that a tarball has; an installation can do
# without them.
man: build/man/made
build/man/made: include/fbat.h scripts/man scripts/description.py
	@if ! command -v $(PYTHON) >/dev/null; then echo 'man pages are left out: no $(PYTHON)'; \
	  elif ! CARGO='$(CARGO)' scripts/api; then echo 'man pages are left out'; \
	  else CARGO='$(CARGO)' $(PYTHON) scripts/man build/man/man3 && touch $@; fi

print-version:
	@echo $(VERSION)

print-soversion:
	@echo $(SOVERSION)

examples: $(addprefix build/examples/,first retry follow quakes exchange)

SMALL := $(addprefix build/examples/,first retry follow)
$(SMALL): build/examples/%: examples/c/%.c $(HEADERS) | lib
	@mkdir -p $(@D)
	$(EXAMPLE_CC) $< -o $@ $(EXAMPLE_LIB)

build/examples/quakes: $(wildcard examples/c/*.c examples/c/*.h) $(HEADERS) | lib
	@mkdir -p $(@D)
	$(EXAMPLE_CC) examples/c/quakes.c examples/c/json.c examples/c/table.c -o $@ $(EXAMPLE_LIB) -lm

build/examples/exchange: $(wildcard examples/c/*.c examples/c/*.h) $(HEADERS) | lib
	@mkdir -p $(@D)
	$(EXAMPLE_CC) examples/c/exchange.c examples/c/svg.c examples/c/table.c -o $@ $(EXAMPLE_LIB) -lm

demo:
	@scripts/setup demo
	@$(MAKE) --no-print-directory -s examples
	@rm -rf build/demo && mkdir -p build/demo
	@build/examples/quakes examples/data/earthquakes.jsonl build/demo/stores
	@build/examples/exchange build/demo/stores build/demo/exchange.svg

check:
	@scripts/setup check
	@scripts/check

check-all:
	@scripts/setup check
	@scripts/check all

torture:
	@scripts/setup torture
	@TIME='$(TIME)' SEED='$(SEED)' ONLY='$(ONLY)' scripts/torture

canaries:
	@scripts/setup torture
	@scripts/canaries

bench: ARGUMENTS = run
bench-quick: ARGUMENTS = run --quick
bench-scale: ARGUMENTS = scale
bench-scale-many: DIR ?= /dev/shm/fbat-many
bench-differences: DIR ?= /dev/shm/fbat-differences
bench-scale-many: MOST ?= 10000000
bench-scale-many: ARGUMENTS = scale-many $(DIR) $(MOST)
bench bench-quick bench-scale bench-scale-many:
	@scripts/setup bench
	@$(MAKE) --no-print-directory -s build/bench/worker
	@cd benches && $(CARGO) run --release --locked -- $(ARGUMENTS)

build/tests/interplay: tests/outside/interplay/interplay.c $(HEADERS) | lib
	@mkdir -p $(@D)
	$(EXAMPLE_CC) $< -o $@ $(EXAMPLE_LIB)

build/bench/worker: benches/c/worker.c $(HEADERS) | lib
	@mkdir -p $(@D)
	$(EXAMPLE_CC) benches/c/worker.c -o $@ $(EXAMPLE_LIB) -lpthread

build/bench/regions: benches/c/regions.c $(HEADERS) | lib
	@mkdir -p $(@D)
	$(EXAMPLE_CC) benches/c/regions.c -o $@ $(EXAMPLE_LIB) -lsqlite3

build/bench/differences: benches/c/differences.c $(HEADERS) | lib
	@mkdir -p $(@D)
	$(EXAMPLE_CC) benches/c/differences.c -o $@ $(EXAMPLE_LIB)

build/bench/live: benches/c/live.c $(HEADERS) | lib
	@mkdir -p $(@D)
	$(EXAMPLE_CC) benches/c/live.c -o $@ $(EXAMPLE_LIB) -lsqlite3 -lpthread

build/bench/pages: benches/c/pages.c $(HEADERS) | lib
	@mkdir -p $(@D)
	$(EXAMPLE_CC) benches/c/pages.c -o $@ $(EXAMPLE_LIB)

bench-regions:
	@scripts/setup bench
	@$(MAKE) --no-print-directory -s build/bench/regions build/bench/pages
	@build/bench/regions build/bench/regions.stores
	@build/bench/pages build/bench/pages.store

bench-differences:
	@scripts/setup bench
	@$(MAKE) --no-print-directory -s build/bench/differences
	@build/bench/differences $(DIR)

bench-live: DIR ?= build/bench/live.stores
bench-live:
	@scripts/setup bench
	@$(MAKE) --no-print-directory -s build/bench/live
	@build/bench/live $(DIR)

bench-languages: lib
	@benches/bindings/run

header:
	@scripts/api --all

render:
	@scripts/render

# Paths in what is installed are relative, so that the whole can be moved.
path = $$(realpath -ms --relative-to='$(1)' '$(2)')
FILL = sed -e 's|@VERSION@|$(VERSION)|g' -e 's|@LICENSE@|$(LICENSE)|g' \
  -e 's|@SOVERSION@|$(SOVERSION)|g' -e 's|@STATIC_LIBS@|$(STATIC_LIBS)|g' \
  -e "s|@PREFIX_FROM_PKGCONFIG@|$(call path,$(PKGCONFIGDIR),$(PREFIX))|g" \
  -e "s|@PREFIX_FROM_CMAKE@|$(call path,$(CMAKEDIR),$(PREFIX))|g" \
  -e "s|@LIBDIR@|$(call path,$(PREFIX),$(LIBDIR))|g" \
  -e "s|@INCLUDEDIR@|$(call path,$(PREFIX),$(INCLUDEDIR))|g"
PKGCONFIGDIR = $(LIBDIR)/pkgconfig
CMAKEDIR     = $(LIBDIR)/cmake/fbat
INSTALLED_SO = $(DESTDIR)$(LIBDIR)/libfbat.so

install: lib man
	install -d '$(DESTDIR)$(PKGCONFIGDIR)' '$(DESTDIR)$(CMAKEDIR)' '$(DESTDIR)$(INCLUDEDIR)'
	install -m 644 $(HEADERS) '$(DESTDIR)$(INCLUDEDIR)'
	install -m 755 build/lib/libfbat.so.$(VERSION) '$(INSTALLED_SO).$(VERSION)'
	ln -sf libfbat.so.$(VERSION) '$(INSTALLED_SO).$(SOVERSION)'
	ln -sf libfbat.so.$(SOVERSION) '$(INSTALLED_SO)'
	install -m 644 build/lib/libfbat.a '$(DESTDIR)$(LIBDIR)'
	$(FILL) packaging/fbat.pc.in > '$(DESTDIR)$(PKGCONFIGDIR)/fbat.pc'
	for f in fbatConfig fbatConfigVersion; do \
	  $(FILL) packaging/$$f.cmake.in > '$(DESTDIR)$(CMAKEDIR)'/$$f.cmake || exit 1; done
	if [ -d build/man/man3 ]; then install -d '$(DESTDIR)$(MANDIR)/man3' && \
	  install -m 644 build/man/man3/*.3 '$(DESTDIR)$(MANDIR)/man3'; fi

# Without what debuggers read: 2 MB instead of 14, and half of the archive.
install-strip: install
	$(STRIP) --strip-unneeded '$(INSTALLED_SO).$(VERSION)'
	$(STRIP) --strip-debug --enable-deterministic-archives '$(DESTDIR)$(LIBDIR)/libfbat.a'

uninstall: man
	rm -f $(foreach h,$(notdir $(HEADERS)),'$(DESTDIR)$(INCLUDEDIR)/$h')
	rm -f '$(DESTDIR)$(LIBDIR)/libfbat.a' '$(INSTALLED_SO)' '$(INSTALLED_SO).$(SOVERSION)' \
	  '$(INSTALLED_SO).$(VERSION)' '$(DESTDIR)$(PKGCONFIGDIR)/fbat.pc' \
	  '$(DESTDIR)$(CMAKEDIR)/fbatConfig.cmake' '$(DESTDIR)$(CMAKEDIR)/fbatConfigVersion.cmake'
	-rmdir --ignore-fail-on-non-empty '$(DESTDIR)$(CMAKEDIR)'
	if [ -d build/man/man3 ]; then cd build/man/man3 && \
	  for f in *.3; do rm -f '$(DESTDIR)$(MANDIR)/man3'/$$f; done; fi

dist dist-vendored:
	@scripts/dist $(if $(filter dist-vendored,$@),vendored)

deb:
	@scripts/setup deb
	@scripts/deb

docs:
	@scripts/setup docs
	@scripts/site

abi:
	@scripts/abidiff check

abi-bless:
	@scripts/abidiff bless

features:
	@scripts/features

setup:
	@scripts/setup check

clean:
	$(CARGO) clean
	rm -rf build benches/target

help:
	@sed -n '2,/^$$/s/^#   //p' Makefile
