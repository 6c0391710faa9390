# SPDX-License-Identifier: MIT
#
# flowvt. `make help` lists the targets; README.md says what they are for.
#
# Knobs, all overridable on the command line:
CC      ?= cc
CFLAGS  ?= -O2 -g
LDFLAGS ?=
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
# Under /usr the multiarch directory is where the loader looks; elsewhere ldconfig is told.
LIBDIR  ?= $(if $(filter /usr,$(PREFIX)),/usr/lib/$(shell $(CC) -print-multiarch 2>/dev/null),$(PREFIX)/lib)
# 1: with nDPI (Debian: libndpi-dev), for flowprobe -k.
WITH_NDPI ?=
# How often `make check` kills flowcollect, seconds of `make fuzz` per target, flows in `make bench`.
KILLS   ?= 10
FUZZING ?= 30
FLOWS   ?= 10000000

# The warning list is the style rule; `make lint` adds -Werror.
WARN  = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wcast-qual -Wundef $(WERROR)
FLAGS = -std=c11 -D_GNU_SOURCE -I. -fPIC -fvisibility=hidden -MMD -MP $(WARN) $(CFLAGS)

objects   = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)))
SCHEMA    = $(call objects,schema/*.c)
# flowprobectl is a program of its own, of one file.
PROBE     = $(filter-out %/flowprobectl.o,$(call objects,probe/*.c))
COLLECTOR = $(call objects,collector/*.c)
EXT       = $(call objects,ext/*.c)
REPORT    = $(call objects,queries/*.c)

# Only engine.c knows of nDPI.
NDPI = $(if $(filter-out 0,$(WITH_NDPI)),-lndpi)

# Of probe/, the collector takes the dissector and the capture reader alone, and of collector/ the probe what makes a
# daemon.
DISSECT = $(call objects,probe/dissect*.c probe/capfile*.c probe/pcap*.c)
SERVICE = $(call objects,collector/service.c)

.PHONY: all
all: $(BUILD)/flowvt.so $(BUILD)/flowcollect $(BUILD)/flowprobe $(BUILD)/flowprobectl $(BUILD)/flowreport

# The soname makes ldconfig list the extension under the name that `.load flowvt` asks for.
$(BUILD)/flowvt.so: $(EXT) $(SCHEMA)
	$(CC) -shared -Wl,-soname,flowvt.so $(CFLAGS) $(LDFLAGS) -o $@ $^ -llz4 -lmaxminddb -lpthread -lm

$(BUILD)/flowprobe: $(PROBE) $(SERVICE) $(SCHEMA)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpcap -llz4 -lpthread $(NDPI)

$(BUILD)/flowprobectl: $(BUILD)/probe/flowprobectl.o
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/flowcollect: $(COLLECTOR) $(DISSECT) $(SCHEMA)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpcap -llz4 -lmicrohttpd -lpthread

# It is of SQLite and of the extension, which it loads, and of nothing else here.
$(BUILD)/flowreport: $(REPORT)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lsqlite3 -lm

$(BUILD)/queries/assets.o: $(wildcard queries/*.css queries/*.js)

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -c -o $@ $<

$(BUILD)/probe/engine.o: private FLAGS += $(if $(NDPI),-DWITH_NDPI)
$(BUILD)/probe/engine.o: $(BUILD)/ndpi

# Loops that are worth unrolling and vectorising, which gcc does not do at -O2.
$(BUILD)/schema/kernel.o: private FLAGS += -O3
$(BUILD)/collector/plan_run.o $(BUILD)/schema/column.o: private FLAGS += -funroll-loops

# Holds the compiler and its flags; touched only when they change, so that everything is rebuilt.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(FLAGS) $(LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(FLAGS) $(LDFLAGS)' >$@
$(BUILD)/ndpi: FORCE
	@mkdir -p $(@D)
	@echo '$(NDPI)' | cmp -s - $@ || echo '$(NDPI)' >$@
.PHONY: FORCE
FORCE:

# ---- tests ---------------------------------------------------------------------------------

# Unit tests: tests/<folder>/test_<what>.c, one cmocka program each.
# Fuzz targets: tests/fuzz/<target>.c, linked here with a main that replays files.
# Other test programs: tests/load/, tests/e2e/. What else lies in tests/<folder>/*.c is shared by
# tests. Each takes what it needs out of the archives.
UNIT  = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/*/test_*.c))
FUZZ  = $(patsubst %.c,$(BUILD)/%,$(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c)))
TOOLS = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/load/*.c tests/e2e/*.c))
SHARED = $(filter-out %/replay.o $(UNIT:=.o) $(FUZZ:=.o) $(TOOLS:=.o),$(call objects,tests/*/*.c))
PARTS = $(foreach part,schema probe collector ext queries shared,$(BUILD)/tests/lib$(part).a)
TESTLIBS = -Wl,--start-group $(PARTS) -Wl,--end-group -lpcap -llz4 -lmicrohttpd -lmaxminddb -lsqlite3 -lpthread -lm $(NDPI)

$(BUILD)/tests/libschema.a: $(SCHEMA)
$(BUILD)/tests/libprobe.a: $(filter-out $(BUILD)/probe/flowprobe.o,$(PROBE))
$(BUILD)/tests/libcollector.a: $(filter-out $(BUILD)/collector/flowcollect.o,$(COLLECTOR))
$(BUILD)/tests/libext.a: $(EXT)
$(BUILD)/tests/libqueries.a: $(filter-out $(BUILD)/queries/flowreport.o,$(REPORT))
$(BUILD)/tests/libshared.a: $(SHARED)
$(PARTS):
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$(UNIT): %: %.o $(PARTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -lcmocka $(TESTLIBS)

$(FUZZ): %: %.o $(BUILD)/tests/fuzz/replay.o $(PARTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(BUILD)/tests/fuzz/replay.o $(TESTLIBS)

$(TOOLS): %: %.o $(PARTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(TESTLIBS)

.PHONY: tests unit check demo bench bench-ingest bench-probe bench-reports deps deps-check
tests: all $(UNIT) $(FUZZ) $(TOOLS)

unit: $(UNIT)
	@BUILD=$(BUILD) tests/run.sh $(UNIT)

deps:
	@tests/deps.sh build

deps-check:
	@tests/deps.sh build check

# What is missing is installed first, so the work is done by a second make that sees it.
check: deps-check
	@$(MAKE) --no-print-directory tests
	@BUILD=$(BUILD) KILLS=$(KILLS) tests/run.sh

demo: deps
	@echo 'flowvt: building'
	@$(MAKE) --no-print-directory -s all
	@BUILD=$(BUILD) tests/demo.sh

# QUESTIONS="Q2 sizes": some of it. Knobs and peers: tests/bench/README.md
bench:
	@tests/deps.sh build bench
	@$(MAKE) --no-print-directory all $(TOOLS)
	@BUILD=$(BUILD) FLOWS=$(FLOWS) tests/bench/bench.py $(QUESTIONS)

# PROTOCOLS="v9 sFlow": some of them; SOAK=1800: half an hour of one. tests/bench/README.md
bench-ingest:
	@tests/deps.sh build bench
	@$(MAKE) --no-print-directory all $(TOOLS)
	@BUILD=$(BUILD) tests/bench/ingest.py $(PROTOCOLS)

bench-probe:
	@tests/deps.sh build bench
	@$(MAKE) --no-print-directory all $(TOOLS)
	@BUILD=$(BUILD) tests/bench/probe.py $(CAPTURES)

# REPORTS="users top": some of them
bench-reports:
	@tests/deps.sh build bench
	@$(MAKE) --no-print-directory all $(TOOLS)
	@BUILD=$(BUILD) FLOWS=$(FLOWS) tests/bench/reports.py $(REPORTS)

# ---- care ----------------------------------------------------------------------------------

# gcc warns of things that are not so when it instruments, so WERROR is for the builds without.
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

SOURCES = $(wildcard */*.[ch] tests/*/*.[ch])
SCRIPTS = .ci/run $(wildcard tests/*.sh tests/*/*.sh)

.PHONY: asan tsan fuzz lint format docs
# Unit tests, fuzz corpora, damaged flow files and every capture, under ASan and UBSan.
asan: deps-check
	@$(MAKE) --no-print-directory BUILD=$(BUILD)-asan CC=gcc CFLAGS="-O1 -g $(SANITIZE)" WERROR= tests
	@BUILD=$(BUILD)-asan SANITIZED=1 KILLS=1 tests/run.sh

# What runs in threads, under ThreadSanitizer: some minutes. Reports are failures.
THREADED = ext/test_orders ext/test_totals ext/test_exports ext/test_progress schema/test_index \
           collector/test_receive
tsan: deps-check
	@$(MAKE) --no-print-directory BUILD=$(BUILD)-tsan CC=gcc \
	    CFLAGS="-O1 -g -fsanitize=thread -fno-omit-frame-pointer" tsan-run
.PHONY: tsan-run
tsan-run: all $(THREADED:%=$(BUILD)/tests/%)
	@BUILD=$(BUILD) FLOWVT_THREADS=4 tests/run.sh $(THREADED:%=$(BUILD)/tests/%)

# Look for new faults with libFuzzer. A culprit is left in the build directory; it belongs into
# tests/fuzz/corpus/<target>/ once it is mended.
fuzz:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)-fuzz CC=clang \
	    CFLAGS="-O1 -g -fsanitize=fuzzer-no-link,address,undefined" fuzz-run
.PHONY: fuzz-run
fuzz-run: $(FUZZ:=.fuzzer)
	@set -e; for t in $(notdir $(FUZZ)); do \
	    mkdir -p $(BUILD)/corpus/$$t; echo "== $$t"; \
	    $(BUILD)/tests/fuzz/$$t.fuzzer -max_total_time=$(FUZZING) -timeout=10 -verbosity=0 \
	        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix=$(BUILD)/ \
	        $(BUILD)/corpus/$$t $$(ls -d tests/fuzz/corpus/$$t 2>/dev/null); done
%.fuzzer: %.o $(PARTS)
	$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $< $(TESTLIBS)

# All that gcc's build with -Werror makes is in LINT, so that it can be one that is needed anyway: some of gcc's
# warnings come out of its optimisation. Those of clang do not.
LINT ?= $(BUILD)-lint
LINTS = lint-format lint-gcc lint-clang lint-cppcheck lint-shell
.PHONY: $(LINTS)
lint: $(LINTS)

lint-format:
	clang-format --dry-run -Werror $(SOURCES)

lint-gcc:
	@$(MAKE) --no-print-directory BUILD=$(LINT) CC=gcc WERROR=-Werror tests

lint-clang:
	clang -fsyntax-only $(filter-out -M%,$(FLAGS)) -Werror $(filter %.c,$(SOURCES))

lint-cppcheck:
	cppcheck --quiet --std=c11 --error-exitcode=1 --enable=warning,performance,portability \
	    --suppressions-list=tests/cppcheck.txt -D__GNUC__ -I. schema probe collector ext queries

lint-shell:
	shellcheck -x $(SCRIPTS)

# The table of fields in README.md comes from the catalogue, that of questions from the reports.
docs: all
	tests/fields.sh --write
	BUILD=$(BUILD) tests/questions.sh --write

format:
	clang-format -i $(SOURCES)

# ---- installing ----------------------------------------------------------------------------

MAN = $(wildcard */*.[178])
bindir  = $(DESTDIR)$(PREFIX)/bin
libdir  = $(DESTDIR)$(LIBDIR)
data    = $(DESTDIR)$(PREFIX)/share/flowvt
mandir  = $(DESTDIR)$(PREFIX)/share/man
unit    = $(DESTDIR)$(PREFIX)/lib/systemd/system/flowcollect.service
user    = $(DESTDIR)$(PREFIX)/lib/sysusers.d/flowvt.conf

# ldconfig looks at lib* only, and files a library under its soname: the link makes it see ours.
.PHONY: install uninstall
install: all
	install -d $(bindir) $(libdir) $(data)/queries $(data)/schema
	install -m 755 $(BUILD)/flowprobe $(BUILD)/flowprobectl $(BUILD)/flowcollect $(BUILD)/flowreport $(bindir)
	install -m 644 $(BUILD)/flowvt.so $(libdir)
	ln -sf flowvt.so $(libdir)/libflowvt.so
	install -m 644 $(wildcard queries/*.sql) $(data)/queries
	$(foreach f,$(wildcard queries/*/*.sql),install -D -m 644 $(f) $(data)/$(f);)
	install -m 644 $(wildcard schema/*.sql schema/*.csv) $(data)/schema
	install -m 644 collector/flowcollect.conf $(data)
	install -d $(dir $(unit)) $(dir $(user))
	sed 's|@bindir@|$(PREFIX)/bin|' collector/flowcollect.service.in >$(unit)
	chmod 644 $(unit)
	install -m 644 collector/flowvt.sysusers $(user)
	$(foreach m,$(MAN),install -D -m 644 $(m) $(mandir)/man$(subst .,,$(suffix $(m)))/$(notdir $(m));)
	@[ -n "$(DESTDIR)" ] || PATH=$$PATH:/sbin ldconfig || \
	    echo "flowvt: $(LIBDIR): ldconfig failed: run it as root, or use .load $(LIBDIR)/flowvt"

uninstall:
	rm -f $(bindir)/flowprobe $(bindir)/flowprobectl $(bindir)/flowcollect $(bindir)/flowreport $(libdir)/flowvt.so $(libdir)/libflowvt.so
	rm -f $(foreach m,$(MAN),$(mandir)/man$(subst .,,$(suffix $(m)))/$(notdir $(m)))
	rm -f $(unit) $(user)
	rm -rf $(data)

.PHONY: clean help
clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz $(BUILD)-lint

help:
	@echo 'make             build flowvt.so, flowcollect, flowprobe, flowprobectl and flowreport into $(BUILD)/'
	@echo 'make deps        install what building takes, as demo and check do by themselves'
	@echo 'make demo        install what is missing, build, and answer questions about a capture'
	@echo 'make check       install what is missing, build, and run all tests'
	@echo 'make unit        the unit tests alone'
	@echo 'make bench       compare with nfdump, DuckDB, ClickHouse (FLOWS=10000000)'
	@echo 'make bench-ingest  how fast flowcollect receives, beside nfcapd'
	@echo 'make bench-probe   how fast flowprobe meters captures, beside softflowd and others'
	@echo 'make bench-reports  every report beside nfdump (FLOWS=10000000)'
	@echo 'make WITH_NDPI=1 ... and flowprobe recognises applications'
	@echo 'make install     PREFIX=/usr/local DESTDIR=; make uninstall takes it back'
	@echo 'make asan        the tests under AddressSanitizer and UBSan'
	@echo 'make tsan        tests of what runs in threads under ThreadSanitizer'
	@echo 'make fuzz        libFuzzer on every decoder (FUZZING=30 each)'
	@echo 'make lint        formatting, warnings of gcc and clang, cppcheck, shellcheck'
	@echo 'make format      clang-format the sources'
	@echo 'make docs        put the tables of fields and of questions into README.md'
	@echo 'make clean       remove what was built'

.SECONDARY:
-include $(wildcard $(BUILD)/*/*.d $(BUILD)/tests/*/*.d)
