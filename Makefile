# The commands that a C programmer types. Rust is built by cargo; what C needs from it is put into build/.
#
#   make                 libraries for C in build/lib
#   make demo            the example on real data
#   make check           every test, and a tenth of an hour's torture
#   make torture         attacks on every promise for an hour (TIME=minutes SEED=n ONLY="crash fuzz"), and the scorecard
#   make canaries        broken builds, each of which a harness must catch
#   make install         PREFIX=/usr/local LIBDIR= INCLUDEDIR= DESTDIR=
#   make bench           every workload on fbat and on other stores, in turn: half an hour; benches/results.md, .csv, .svg
#   make bench-quick     the same with less data, 5 minutes
#   make bench-scale     what an event costs in stores of 10 thousand to 10 million; benches/scale.md, .csv, .svg
#   make header          writes include/ again after a change to src/ffi

CARGO      ?= cargo
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DESTDIR    ?=

# The version stands in Cargo.toml alone. Before 1.0 every minor version may break the ABI, so it is part of the soname.
VERSION   := $(shell sed -n 's/^version = "\([^"]*\)".*/\1/p' Cargo.toml | head -n 1)
MAJOR     := $(word 1,$(subst ., ,$(VERSION)))
MINOR     := $(word 2,$(subst ., ,$(VERSION)))
SOVERSION := $(if $(filter 0,$(MAJOR)),0.$(MINOR),$(MAJOR))

TARGET  := $(or $(CARGO_TARGET_DIR),target)
RELEASE := $(TARGET)/release
HEADERS := $(wildcard include/*.h)

# EXAMPLE_CFLAGS is apart from CFLAGS because cargo would hand the latter on to C code of its own.
EXAMPLE_CC   = $(CC) -std=c11 -O2 -g -Wall -Wextra -Wpedantic $(CFLAGS) $(EXAMPLE_CFLAGS) -Iinclude
EXAMPLE_LIB := -Lbuild/lib -Wl,-rpath,'$$ORIGIN/../lib' -lfbat

.PHONY: all lib print-soversion examples demo check torture canaries bench bench-quick bench-scale header install uninstall setup clean
all: lib

# cargo decides what is out of date, so this runs every time. The soname link stands beside the library, or a program
# that was linked against it could not start.
lib:
	$(CARGO) build --release --locked
	@mkdir -p build/lib
	@cp -u $(RELEASE)/libfbat.a build/lib/libfbat.a
	@cp -u $(RELEASE)/libfbat.so build/lib/libfbat.so.$(VERSION)
	@ln -sf libfbat.so.$(VERSION) build/lib/libfbat.so.$(SOVERSION)
	@ln -sf libfbat.so.$(SOVERSION) build/lib/libfbat.so

print-soversion:
	@echo $(SOVERSION)

examples: build/examples/first build/examples/quakes

build/examples/first: examples/c/first.c $(HEADERS) | lib
	@mkdir -p $(@D)
	$(EXAMPLE_CC) examples/c/first.c -o $@ $(EXAMPLE_LIB)

build/examples/quakes: $(wildcard examples/c/*.c examples/c/*.h) $(HEADERS) | lib
	@mkdir -p $(@D)
	$(EXAMPLE_CC) examples/c/quakes.c examples/c/json.c examples/c/table.c -o $@ $(EXAMPLE_LIB) -lm

demo:
	@scripts/setup demo
	@$(MAKE) --no-print-directory -s examples
	@rm -rf build/demo && mkdir -p build/demo
	@build/examples/quakes examples/data/earthquakes.jsonl build/demo/stores

check:
	@scripts/setup check
	@scripts/check

torture:
	@scripts/setup torture
	@TIME='$(TIME)' SEED='$(SEED)' ONLY='$(ONLY)' scripts/torture

canaries:
	@scripts/setup torture
	@scripts/canaries

bench: ARGUMENTS = run
bench-quick: ARGUMENTS = run --quick
bench-scale: ARGUMENTS = scale
bench bench-quick bench-scale:
	@scripts/setup bench
	@$(MAKE) --no-print-directory -s build/bench/worker
	@cd benches && $(CARGO) run --release --locked -- $(ARGUMENTS)

build/tests/interplay: tests/interplay/interplay.c $(HEADERS) | lib
	@mkdir -p $(@D)
	$(EXAMPLE_CC) $< -o $@ $(EXAMPLE_LIB)

build/bench/worker: benches/c/worker.c $(HEADERS) | lib
	@mkdir -p $(@D)
	$(EXAMPLE_CC) benches/c/worker.c -o $@ $(EXAMPLE_LIB) -lpthread

# The test that compares the committed header with a fresh one writes it instead.
header:
	FBAT_BLESS=1 $(CARGO) test --locked --test header

install: lib
	install -d '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(INCLUDEDIR)'
	install -m 644 $(HEADERS) '$(DESTDIR)$(INCLUDEDIR)'
	install -m 755 build/lib/libfbat.so.$(VERSION) '$(DESTDIR)$(LIBDIR)'
	ln -sf libfbat.so.$(VERSION) '$(DESTDIR)$(LIBDIR)/libfbat.so.$(SOVERSION)'
	ln -sf libfbat.so.$(SOVERSION) '$(DESTDIR)$(LIBDIR)/libfbat.so'
	install -m 644 build/lib/libfbat.a '$(DESTDIR)$(LIBDIR)'
	sed -e 's|@VERSION@|$(VERSION)|' \
	    -e "s|@PREFIX@|$$(realpath -ms --relative-to='$(LIBDIR)/pkgconfig' '$(PREFIX)')|" \
	    -e "s|@LIBDIR@|$$(realpath -ms --relative-to='$(PREFIX)' '$(LIBDIR)')|" \
	    -e "s|@INCLUDEDIR@|$$(realpath -ms --relative-to='$(PREFIX)' '$(INCLUDEDIR)')|" \
	    fbat.pc.in > '$(DESTDIR)$(LIBDIR)/pkgconfig/fbat.pc'

uninstall:
	rm -f $(foreach h,$(notdir $(HEADERS)),'$(DESTDIR)$(INCLUDEDIR)/$h')
	rm -f $(foreach l,a so so.$(SOVERSION) so.$(VERSION),'$(DESTDIR)$(LIBDIR)/libfbat.$l')
	rm -f '$(DESTDIR)$(LIBDIR)/pkgconfig/fbat.pc'

setup:
	@scripts/setup check

clean:
	$(CARGO) clean
	rm -rf build benches/target
