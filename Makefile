# SPDX-License-Identifier: MIT
#
# flowvt. `make help` lists the targets.
#
# Knobs, all overridable on the command line:
CC      ?= cc
CFLAGS  ?= -O2 -g
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=

# The warning list is the style rule; CI adds -Werror.
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
       -Wcast-qual -Wundef $(WERROR)
FLAGS = -std=c11 -D_GNU_SOURCE -I. -fPIC -fvisibility=hidden -MMD -MP $(WARN) $(CFLAGS)

SCHEMA    = $(patsubst %.c,$(BUILD)/%.o,$(wildcard schema/*.c))
PROBE     = $(patsubst %.c,$(BUILD)/%.o,$(wildcard probe/*.c))
COLLECTOR = $(patsubst %.c,$(BUILD)/%.o,$(wildcard collector/*.c))
EXT       = $(patsubst %.c,$(BUILD)/%.o,$(wildcard ext/*.c))

# What may be linked from outside its folder: everything but the mains; of probe/, the collector
# takes the dissector alone (it reads its pcap files through it).
DISSECT  = $(BUILD)/probe/dissect.o
LIBPROBE = $(filter-out $(BUILD)/probe/flowprobe.o,$(PROBE))
LIBCOLL  = $(filter-out $(BUILD)/collector/flowcollect.o,$(COLLECTOR))

.PHONY: all
all: $(BUILD)/flowvt.so $(BUILD)/flowcollect $(BUILD)/flowprobe

$(BUILD)/flowvt.so: $(EXT) $(SCHEMA)
	$(CC) -shared $(CFLAGS) $(LDFLAGS) -o $@ $^ -llz4 -lpthread -lm

$(BUILD)/flowprobe: $(PROBE) $(SCHEMA)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpcap -llz4 -lpthread

$(BUILD)/flowcollect: $(COLLECTOR) $(DISSECT) $(SCHEMA)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpcap -llz4 -lpthread

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -c -o $@ $<

# Unit tests: tests/<folder>/test_<what>.c, one cmocka program each, linked with every module.
UNIT = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/*/test_*.c))

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(SCHEMA) $(LIBPROBE) $(LIBCOLL)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lpcap -llz4 -lsqlite3 -lpthread -lm

.PHONY: unit
unit: $(UNIT)
	@set -e; for t in $(UNIT); do $$t; done

.PHONY: format
format:
	clang-format -i $(wildcard */*.c */*.h tests/*/*.c tests/*/*.h)

.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/tests/*/*.d)
