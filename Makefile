# Skiff: "make help" lists what can be made. Everything made is under build/.

CROSS_COMPILE ?= x86_64-linux-gnu-
CC      := $(CROSS_COMPILE)gcc
OBJCOPY := $(CROSS_COMPILE)objcopy
NM      := $(CROSS_COMPILE)nm
HOSTCC  ?= gcc
PYTHON  ?= /usr/bin/python3
B       := build

MAKEFLAGS += --no-builtin-rules
# As many at a time as there are processors; "make -j1" still means one, and "make clean all" one after the other.
JOBS := $(or $(shell nproc 2>/dev/null),1)
ifeq ($(filter clean,$(MAKECMDGOALS)),)
MAKEFLAGS += -j$(JOBS)
endif
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all iso usb flash run debug test test-matrix check lint unit script sim system bench coverage fuzz clean help host needs-build needs-usb needs-run needs-test needs-fuzz

all: $(B)/skiff.elf

help:
	@echo "make          build the image, build/skiff.elf"
	@echo "make run      boot it in QEMU, site on localhost:8080   (NET=tap SITE=dir PORT=n MEM=64M ACCEL=tcg NIC=e1000"
	@echo "                                                         APPEND=\"words for the command line\")"
	@echo "make debug    the same, waiting for gdb"
	@echo "make test     everything, from a fresh clone"
	@echo "make test-matrix  boots every way, on every board, with every card"
	@echo "                                                         (SKIFF_LANES=n: system tests side by side, 2 without)"
	@echo "make check    the quick half: lint, unit tests and TCP scripts on Linux"
	@echo "make script   TCP's tests as scripts: packets in, packets out          (SCRIPTS=file.pkt ...)"
	@echo "make coverage which lines and branches of net/tcp the unit tests and scripts reach, and which not"
	@echo "make bench    beside a Linux guest: requests/s, connections/s, MB/s, loss, boot time, memory, forwarding"
	@echo "make usb      build/skiff.iso: boots as CD and as USB stick, under BIOS and UEFI    (SITE=dir FREE=3)"
	@echo "make flash    write it to a stick and read it back                                  (DEV=/dev/sdX YES=1)"
	@echo "make host     build/host/libskiff.so, the stack as a Linux library"
	@echo "make fuzz     the fuzzers, a minute each"
	@echo "make clean    remove build/"

# --- the machine -------------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wno-unused-parameter -Wno-sign-compare
# What both worlds share: our own headers only, and the compiler's stdint.h and its like.
SKIFF_CFLAGS := -std=gnu11 -g -ffreestanding -fbuiltin -fno-builtin-log -fno-strict-aliasing -nostdinc -I. -Ilibc/include $(WARN)
# The compiler is asked when it is called: before, it may not be installed. Stacks have 16 KiB above a guard page:
# no frame takes a third of that, and large ones touch each page, so that none can step over the guard.
CFLAGS := $(SKIFF_CFLAGS) -O2 -isystem "$$($(CC) -print-file-name=include)" -fno-pic -fno-pie -mno-red-zone \
          -mgeneral-regs-only -fstack-protector-strong -mstack-protector-guard=global -fno-omit-frame-pointer \
          -fstack-clash-protection -Wframe-larger-than=5120 \
          -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections
# The image is optimised as a whole: a function is put into its caller's place across files. Under emulation a call
# and its return cost as much as thirty instructions, a branch as several, and the start of a function needs no
# alignment. Structs are cleared and copied by plain stores: of the string instructions (rep stos), the compiler's
# own choice, an emulator makes a jump for each word.
WHOLE := -flto=auto -finline-functions --param max-inline-insns-auto=20 -mbranch-cost=5 \
         -mmemset-strategy=unrolled_loop:256:noalign,libcall:-1:noalign \
         -mmemcpy-strategy=unrolled_loop:256:noalign,libcall:-1:noalign \
         -falign-functions=1 -falign-jumps=1 -falign-loops=1 -falign-labels=1
LDFLAGS := -nostdlib -static -no-pie -Wl,--gc-sections -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--build-id=none

NET_SRC     := $(sort $(wildcard net/*/*.c))
LIBC_SRC    := $(sort $(wildcard libc/*.c))
MACHINE_SRC := $(sort $(wildcard boot/*.S kernel/*.c kernel/x86/*.c kernel/x86/*.S drivers/*/*.c)) $(NET_SRC) $(LIBC_SRC)
MACHINE_OBJ := $(patsubst %,$(B)/obj/%.o,$(basename $(MACHINE_SRC)))

# On the way of a packet calls are saved at the price of size, some 30 KiB: a sixth fewer for a request.
ON_THE_WAY := net/core/% net/ethernet/eth net/ipv4/ip_% net/ipv4/route net/tcp/% net/socket/% net/apps/http% \
              drivers/e1000/e1000_rx drivers/e1000/e1000_tx kernel/page kernel/slab
$(filter $(ON_THE_WAY:%=$(B)/obj/%.o),$(MACHINE_OBJ)): WHOLE += --param max-inline-insns-auto=40

# The compiler must not turn the loops of memcpy() and its kin into calls of themselves; and since it may call
# them whenever it likes, they stay functions.
$(B)/obj/libc/%.o: CFLAGS += -fno-builtin -fno-tree-loop-distribute-patterns
$(B)/obj/libc/%.o: WHOLE :=

$(B)/obj/%.o: %.c Makefile | needs-build
	@mkdir -p $(@D)
	@echo "CC      $<"
	@$(CC) $(CFLAGS) $(WHOLE) -MMD -MP -c $< -o $@

$(B)/obj/%.o: %.S Makefile | needs-build
	@mkdir -p $(@D)
	@echo "AS      $<"
	@$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# What may be used uninitialised is seen file by file, in the hosted build; across files the compiler guesses.
$(B)/skiff.o: $(MACHINE_OBJ)
	@echo "LTO     $@"
	@$(CC) $(CFLAGS) -Wno-maybe-uninitialized $(WHOLE) -r -nostdlib -flinker-output=nolto-rel $^ -o $@

# Linked twice: the first image tells where each function lies, the second carries that table for backtraces.
$(B)/skiff0.elf: $(B)/skiff.o linker.ld boot/order.ld
	@$(CC) $(LDFLAGS) -T linker.ld $< -o $@

$(B)/symbols.S: $(B)/skiff0.elf boot/symbols.sh
	@boot/symbols.sh $(NM) $< >$@

$(B)/symbols.o: $(B)/symbols.S
	@$(CC) $(CFLAGS) -c $< -o $@

$(B)/skiff64.elf: $(B)/skiff.o $(B)/symbols.o linker.ld boot/order.ld
	@echo "LD      $@"
	@$(CC) $(LDFLAGS) -T linker.ld $(B)/skiff.o $(B)/symbols.o -o $@

# QEMU's multiboot loader takes 32-bit ELF only; skiff64.elf stays for gdb.
$(B)/skiff.elf: $(B)/skiff64.elf
	@$(OBJCOPY) --strip-all -O elf32-i386 $< $@
	@echo "        $@: $$(stat -c %s $@) bytes"

# Made anew each time: make cannot see whether a file inside the folder SITE has changed.
usb: needs-usb $(B)/skiff.elf
	@boot/usb.sh $(B)/skiff.elf $(B)/skiff.iso "$(SITE)"

iso: usb

flash: usb
	@boot/flash.sh $(B)/skiff.iso "$(DEV)"

# With exec: whoever ends make ends the machine and its tap device, too, not a shell in between.
run: needs-run $(B)/skiff.elf
	@exec env KERNEL=$(B)/skiff.elf boot/run.sh

debug: needs-run $(B)/skiff.elf
	@exec env DEBUG=1 KERNEL=$(B)/skiff.elf boot/run.sh

needs-build:
	@boot/need.sh $(CC):$(if $(findstring x86_64-linux-gnu-,$(CC)),$(if $(filter x86_64,$(shell uname -m)),gcc,gcc-x86-64-linux-gnu),-)

needs-usb: needs-build
	@boot/need.sh grub-mkimage:grub-common /usr/lib/grub/i386-pc:grub-pc-bin /usr/lib/grub/x86_64-efi:grub-efi-amd64-bin \
		xorriso:xorriso mformat:mtools

needs-run: needs-build
	@boot/need.sh qemu-system-x86_64:qemu-system-x86 ip:iproute2

# --- the hosted world: the same sources as a Linux library -------------------------------------------------
#
# build/asan is for tests (AddressSanitizer, UBSan), build/host for outside tools. Sources are compiled against
# our headers; then the names that glibc has too (memcpy, socket ...) get the prefix inside_.

PORTABLE_KERNEL := $(addprefix kernel/,task.c timer.c softirq.c wait.c cmdline.c ramfs.c siphash.c rbtree.c libc_glue.c tty.c report.c \
                   config_file.c boot_modules.c acpi_tables.c clock_watch.c crash_log.c watchdog.c shutdown.c)
INSIDE_SRC := $(NET_SRC) $(LIBC_SRC) $(PORTABLE_KERNEL) $(sort $(wildcard drivers/e1000/*.c drivers/pci/*.c))
HOST_SRC   := $(sort $(wildcard tests/host/*.c))
RENAMED_SRC := $(LIBC_SRC) net/socket/posix.c kernel/libc_glue.c

HOST_WARN := -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
INSIDE_CFLAGS := -iquote tests/host/shadow $(SKIFF_CFLAGS) -fno-stack-protector
HOST_CFLAGS := -iquote tests/host/shadow -std=gnu11 -g -D_GNU_SOURCE -I. $(HOST_WARN)

asan_CC    := $(HOSTCC)
asan_FLAGS := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
host_CC    := $(HOSTCC)
host_FLAGS := -O2 -fPIC -fvisibility=hidden
cov_CC     := $(HOSTCC)
cov_FLAGS  := -O0 -fPIC -fvisibility=hidden --coverage
fuzz_CC    := clang
fuzz_NEEDS := needs-fuzz
fuzz_FLAGS := -O1 -D__SANITIZE_ADDRESS__ -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

# As for the machine: no loop of memcpy() may become a call of itself. clang does that by -fno-builtin alone.
asan_LIBC_FLAGS := -fno-builtin -fno-tree-loop-distribute-patterns
host_LIBC_FLAGS := $(asan_LIBC_FLAGS)
cov_LIBC_FLAGS  := $(asan_LIBC_FLAGS)
fuzz_LIBC_FLAGS := -fno-builtin

define VARIANT
$(B)/$(1)/raw/libc/%.o: INSIDE_CFLAGS += $($(1)_LIBC_FLAGS)
$(B)/$(1)/raw/%.o: %.c Makefile | needs-build $($(1)_NEEDS)
	@mkdir -p $$(@D)
	@echo "CC $(1) $$<"
	@$($(1)_CC) $$(INSIDE_CFLAGS) -isystem $$(shell $($(1)_CC) -print-file-name=include) $($(1)_FLAGS) -MMD -MP -c $$< -o $$@
$(B)/$(1)/inside.syms: $(patsubst %.c,$(B)/$(1)/raw/%.o,$(RENAMED_SRC))
	@nm -g --defined-only $$^ | awk 'NF == 3 {print $$$$3, "inside_" $$$$3}' | grep -v '^__asan\|^__odr' >$$@
$(B)/$(1)/inside/%.o: $(B)/$(1)/raw/%.o $(B)/$(1)/inside.syms
	@mkdir -p $$(@D)
	@objcopy --redefine-syms=$(B)/$(1)/inside.syms $$< $$@
$(B)/$(1)/libinside.a: $(patsubst %.c,$(B)/$(1)/inside/%.o,$(INSIDE_SRC))
	@rm -f $$@
	@ar rcs $$@ $$^
$(B)/$(1)/tests/host/%.o: tests/host/%.c Makefile | needs-build $($(1)_NEEDS)
	@mkdir -p $$(@D)
	@echo "CC $(1) $$<"
	@$($(1)_CC) $$(HOST_CFLAGS) $($(1)_FLAGS) -MMD -MP -c $$< -o $$@
$(B)/$(1)/libhost.a: $(patsubst %.c,$(B)/$(1)/%.o,$(HOST_SRC))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(eval $(call VARIANT,asan))
$(eval $(call VARIANT,host))
$(eval $(call VARIANT,cov))
$(eval $(call VARIANT,fuzz))

host: $(B)/host/libskiff.so
$(B)/%/libskiff.so: $(B)/%/libinside.a $(B)/%/libhost.a
	@echo "LD      $@"
	@$(HOSTCC) $(filter --coverage,$($*_FLAGS)) -shared -o $@ -Wl,--whole-archive $(@D)/libhost.a -Wl,--no-whole-archive $(@D)/libinside.a

# --- tests -------------------------------------------------------------------------------------------------

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c tests/sim/test_*.c))
UNIT     := $(UNIT_SRC:%.c=$(B)/asan/%)

# A test names sources that are not in libinside.a by a line "links: kernel/page.c ..." in a comment.
links = $(patsubst %.c,$(B)/$(1)/inside/%.o,$(shell sed -n 's|.*links: *\([^*]*\).*|\1|p' $(2)))

define TEST_PROGRAMS
$(UNIT_SRC:%.c=$(B)/$(1)/%): $(B)/$(1)/%: %.c $(B)/$(1)/libinside.a $(B)/$(1)/libhost.a $$$$(call links,$(1),%.c) | needs-test
	@mkdir -p $$(@D)
	@echo "TEST    $$<"
	@$(HOSTCC) $$(HOST_CFLAGS) $($(1)_FLAGS) -MMD -MP -MF $$@.d $$< $$(call links,$(1),$$<) \
		-Wl,--start-group $(B)/$(1)/libinside.a $(B)/$(1)/libhost.a -Wl,--end-group -lcmocka -lm -o $$@
endef
.SECONDEXPANSION:
$(eval $(call TEST_PROGRAMS,asan))
$(eval $(call TEST_PROGRAMS,cov))

unit: $(UNIT)
	@$(PYTHON) tests/run_tests.py --unit $(UNIT)

lint: | needs-test
	@tests/lint/lint.sh

script: host
	@$(PYTHON) tests/run_tests.py --script $(SCRIPTS)

check: $(UNIT) host
	@$(PYTHON) tests/run_tests.py --lint --unit $(UNIT) --script

# A wire that treats frames badly, between QEMU and this machine.
$(B)/bad_wire: tests/wire/bad_wire.c
	@mkdir -p $(@D)
	@$(HOSTCC) -std=gnu11 -D_GNU_SOURCE -O2 $(HOST_WARN) $< -o $@

# What the router's rows of the bench send through it, and count behind it.
$(B)/traffic: tests/bench/traffic.c
	@mkdir -p $(@D)
	@$(HOSTCC) -std=gnu11 -D_GNU_SOURCE -O2 $(HOST_WARN) $< -o $@

system: $(B)/skiff.elf $(B)/bad_wire host | needs-test
	@$(PYTHON) tests/run_tests.py --system $(TESTS)

# Every way to boot, on every board, with every card: tests/qemu/test_matrix.py. "make test" takes a diagonal of it.
test-matrix: export SKIFF_MATRIX = full
test-matrix: $(B)/skiff.elf | needs-test
	@$(PYTHON) tests/run_tests.py --system -k matrix

test: export SKIFF_GRID = full
test: $(B)/skiff.elf $(B)/bad_wire host $(UNIT)
	@$(PYTHON) tests/run_tests.py --lint --unit $(UNIT) --script --system

COVERED := $(UNIT_SRC:%.c=$(B)/cov/%)
coverage: $(COVERED) $(B)/cov/libskiff.so
	@find $(B)/cov -name '*.gcda' -delete
	@$(PYTHON) tests/coverage.py $(B)/cov net/tcp $(COVERED)

# BENCH="--only requests,boot --linux none" and the like: see tests/bench/bench.py.
bench: $(B)/skiff.elf $(B)/bad_wire $(B)/traffic | needs-test
	@boot/need.sh cpio:cpio grub-mkrescue:grub-common
	@env -u MAKEFLAGS $(PYTHON) tests/bench/bench.py $(BENCH)

FUZZERS := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_SECONDS ?= 60
$(FUZZERS:%=$(B)/fuzz/%): $(B)/fuzz/%: tests/fuzz/%.c $(B)/fuzz/libinside.a $(B)/fuzz/libhost.a $$(call links,fuzz,tests/fuzz/%.c)
	@$(fuzz_CC) $(HOST_CFLAGS) $(fuzz_FLAGS) -fsanitize=fuzzer $< $(call links,fuzz,$<) -Wl,--start-group $(B)/fuzz/libinside.a \
		$(B)/fuzz/libhost.a -Wl,--end-group -o $@

fuzz: $(FUZZERS:%=$(B)/fuzz/%)
	@for f in $^; do echo "FUZZ    $$f"; mkdir -p $$f.corpus; $$f -max_total_time=$(FUZZ_SECONDS) -len_control=0 $$f.corpus || exit 1; done

needs-fuzz: needs-build
	@boot/need.sh clang:clang

needs-test: needs-build
	@boot/need.sh /usr/include/cmocka.h:libcmocka-dev sparse:sparse clang-format:clang-format shellcheck:shellcheck \
		qemu-system-x86_64:qemu-system-x86 ip:iproute2 tcpdump:tcpdump wrk:wrk curl:curl ping:iputils-ping nmap:nmap dnsmasq:dnsmasq-base iperf3:iperf3 \
		/usr/lib/python3/dist-packages/scapy:python3-scapy /usr/lib/python3/dist-packages/pytest:python3-pytest \
		grub-mkimage:grub-common /usr/lib/grub/i386-pc:grub-pc-bin /usr/lib/grub/x86_64-efi:grub-efi-amd64-bin \
		xorriso:xorriso mformat:mtools /usr/share/ovmf/OVMF.fd:ovmf

clean:
	rm -rf $(B)

-include $(shell find $(B)/obj $(B)/asan $(B)/host $(B)/cov $(B)/fuzz -name '*.d' -type f 2>/dev/null)
