# Builds, tests and installs weir. `make help` lists the targets.
#
# Sources are found by wildcard, so a new file needs no edit here:
#   lib/**, conf/, proxy/ without main.cpp    libweir.a
#   proxy/main.cpp                            weir
#   tests/**/*_test.cpp, but for e2e/         unit_tests
#   tests/e2e/*_test.cpp                      e2e_tests, which run the real weir
#   tests/support/, the rest of tests/e2e/    helpers of both, and the programs origin and loadgen
#
# Everything built lies in $(BUILD)/$(VARIANT); a variant is release, asan or tsan. What you may set:
#   BUILD=dir   VARIANT=name   OPT=-O0   DEBUG=-g   JOBS=n   WERROR=   PCH=   V=1 (show commands)   CATCH='[breaker]' (choose tests)
#   PREFIX=/usr/local   DESTDIR=   PORT=8080 (make run)

BUILD   ?= build
VARIANT ?= release
PREFIX  ?= /usr/local
JOBS    ?= $(shell nproc 2>/dev/null || echo 2)
MAKEFLAGS += --no-print-directory
B       := $(BUILD)/$(VARIANT)
Q       := $(if $(V),,@)

ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(JOBS)
endif

# ---- flags ----

ifeq ($(VARIANT),release)
OPT ?= -O2
else ifeq ($(VARIANT),asan)
# g++ on purpose: clang cannot see what g++ 12 gets wrong in coroutines. Sanitizers make its guess about
# uninitialised variables unreliable, so that one warning is left to the release build.
OPT      ?= -O1
sanitize := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
quieter  := -Wno-maybe-uninitialized
else ifeq ($(VARIANT),tsan)
OPT      ?= -O1
CXX      := clang++-19
CC       := clang-19
sanitize := -fsanitize=thread -fno-omit-frame-pointer
else
$(error VARIANT is release, asan or tsan, not '$(VARIANT)')
endif

# Functions and lines are enough for a backtrace and a profile, and a third faster to compile; variables need -g.
DEBUG    ?= -g1

# Warnings are errors with the compiler weir is developed with; what a newer one adds shall not stop a user's build.
compiler := $(shell $(CXX) -dumpversion 2>/dev/null)
WERROR   ?= $(if $(filter release,$(VARIANT)),$(filter 12 12.%,$(compiler)))

pkg       = $(shell pkg-config $1 2>/dev/null)
ifneq ($(call pkg,--modversion libllhttp),)
llhttp_flags := $(call pkg,--cflags libllhttp)
llhttp_libs  := $(call pkg,--libs libllhttp)
else
# Debian 12 has no libllhttp-dev, but its node-llhttp installs the sources.
llhttp_dir   := /usr/share/llhttp
llhttp_flags := -isystem /usr/share/include/llhttp
llhttp_objs  := $(patsubst %,$(B)/llhttp/%.o,api http llhttp)
endif

# g++ alone also warns of a constructor's parameter that is named like the member it initialises.
# g++ 12 sees overruns in std::string's own code that are none (its bugs 105329 and 105651).
false_alarms := $(if $(filter 12 12.%,$(compiler)),-Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
shadow   := $(if $(findstring clang,$(CXX)),-Wshadow,-Wshadow=local)

CPPFLAGS += -I. $(llhttp_flags) $(call pkg,--cflags libuv) $(call pkg,--cflags openssl)
CXXFLAGS += -std=c++23 -Wall -Wextra $(shadow) $(false_alarms) $(quieter) $(if $(WERROR),-Werror)
common   := $(OPT) $(DEBUG) -pthread $(sanitize)
LDLIBS   += $(llhttp_libs) $(or $(call pkg,--libs libuv),-luv) $(or $(call pkg,--libs openssl),-lssl -lcrypto)
testlibs := $(call pkg,--libs catch2) -lrapidcheck
VERSION  := $(or $(shell git describe --tags --always 2>/dev/null),0.1)

# ---- files ----

found    = $(sort $(shell find $1 -name '*.cpp' 2>/dev/null))
objects  = $(patsubst %.cpp,$(B)/%.o,$1)
tools   := $(wildcard tests/support/origin.cpp tests/support/loadgen.cpp)
tests   := $(filter %_test.cpp,$(filter-out tests/fuzz/%,$(call found,tests)))
e2e     := $(filter tests/e2e/%,$(tests))
unit    := $(filter-out $(e2e),$(tests))
support := $(filter-out tests/support/main.cpp %_test.cpp $(tools),$(wildcard tests/support/*.cpp)) \
           $(filter-out %_test.cpp,$(wildcard tests/e2e/*.cpp))
library := $(filter-out proxy/main.cpp,$(call found,lib conf proxy))

weir     := $(patsubst proxy/main.cpp,$(B)/weir,$(wildcard proxy/main.cpp))
programs := $(weir) $(patsubst tests/support/%.cpp,$(B)/%,$(tools))
checks   := $(B)/unit_tests $(B)/e2e_tests
all_objs := $(call objects,$(library) $(support) $(tests) $(tools) $(wildcard proxy/main.cpp) tests/support/main.cpp)
proxy_objs      := $(filter $(B)/proxy/%,$(all_objs))
test_objs       := $(call objects,$(tests))
proxy_test_objs := $(filter $(B)/tests/proxy/%,$(test_objs))

# What the end-to-end tests and the scripts need to find the programs.
export WEIR = $(abspath $(B)/weir)
export WEIR_ORIGIN = $(abspath $(B)/origin)
export WEIR_LOADGEN = $(abspath $(B)/loadgen)

# ---- targets ----

.PHONY: all run test unit e2e bench kernel asan tsan lint format install clean help setup tests check FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(programs)                ## build weir, and the origin and loadgen of the demo and the tests

run: setup                      ## install what is missing, build, start three demo services and weir on port 8080
	@$(MAKE) all
	@scripts/demo

test: setup                     ## install what is missing, build, run every test
	@$(MAKE) check

unit: $(B)/unit_tests           ## run the unit tests
	@scripts/test $<

e2e: $(B)/e2e_tests $(programs) ## run the end-to-end tests, with the real binary
	@scripts/test $<

bench: all                      ## compare with HAProxy and nginx (installs them with `scripts/setup bench`)
	@scripts/setup bench
	@scripts/bench

kernel: $(checks) $(programs)   ## run the tests of kernel TLS, in an emulated machine where this kernel has none
	@scripts/setup kernel
	@scripts/kernel-tls $(BUILD)/kernel $(checks)

asan:                           ## all tests under the address and undefined behaviour sanitizers, g++
	@scripts/setup
	@$(MAKE) VARIANT=asan check

tsan:                           ## all tests under the thread sanitizer, clang 19
	@scripts/setup tsan
	@$(MAKE) VARIANT=tsan check

lint:                           ## warnings as errors, floors, format, shell scripts: what CI asks for
	@scripts/setup lint || scripts/setup
	@$(MAKE) WERROR=1 all tests
	@scripts/lint

format:                         ## clang-format every source in place
	@scripts/setup lint
	@scripts/lint --format

install: all                    ## install to $(DESTDIR)$(PREFIX)
	install -D -m 755 $(B)/weir '$(DESTDIR)$(PREFIX)/bin/weir'
	install -D -m 644 proxy.conf.example '$(DESTDIR)$(PREFIX)/share/doc/weir/proxy.conf.example'
	install -D -m 644 README.md '$(DESTDIR)$(PREFIX)/share/doc/weir/README.md'

clean:                          ## remove what was built
	rm -rf '$(BUILD)'

help:                           ## this list
	@sed -n 's/^\([a-z0-9]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

setup:
	@scripts/setup

tests: $(checks)

check: $(programs) $(checks)
	@scripts/test $(checks)

# ---- rules ----

$(B)/weir: $(B)/proxy/main.o $(B)/libweir.a
$(B)/origin: $(B)/tests/support/origin.o $(B)/libsupport.a
$(B)/loadgen: $(B)/tests/support/loadgen.o $(B)/libsupport.a
$(B)/unit_tests: $(call objects,$(unit) tests/support/main.cpp) $(B)/libsupport.a $(B)/libweir.a $(B)/unit.list
$(B)/e2e_tests: $(call objects,$(e2e) tests/support/main.cpp) $(B)/libsupport.a $(B)/libweir.a $(B)/e2e.list
$(checks): private LDLIBS := $(testlibs) $(LDLIBS)

$(programs) $(checks):
	@echo "  link  $@"
	$(Q)$(CXX) $(common) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LDLIBS)

$(B)/libweir.a: $(call objects,$(library)) $(llhttp_objs) $(B)/library.list
$(B)/libsupport.a: $(call objects,$(support)) $(B)/support.list
%.a:
	@rm -f $@
	$(Q)ar rcs $@ $(filter %.o,$^)

$(all_objs): $(B)/%.o: %.cpp $(B)/flags.list
	@mkdir -p $(@D)
	@echo "  c++   $<"
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(common) -MMD -MP -c -o $@ $<

$(llhttp_objs): $(B)/llhttp/%.o: $(llhttp_dir)/%.c $(B)/flags.list
	@mkdir -p $(@D)
	@echo "  cc    $<"
	$(Q)$(CC) -O2 -DLLHTTP_STRICT_MODE=1 $(llhttp_flags) $(common) -c -o $@ $<

# Most of a build's time would go into the same headers over and over, so each part starts from its own, precompiled.
# PCH= leaves that out: it shows an include that is missing, and lets ccache work.
precompiled := $(addprefix $(B)/precompiled/,lib.hpp.gch proxy.hpp.gch tests.hpp.gch proxy_tests.hpp.gch)
$(B)/precompiled/lib.hpp.gch:         headers := lib/async/race.hpp lib/async/stream.hpp
$(B)/precompiled/proxy.hpp.gch:       headers := lib/async/race.hpp lib/async/stream.hpp proxy/context.hpp
$(B)/precompiled/tests.hpp.gch:       headers := tests/support/property.hpp
$(B)/precompiled/proxy_tests.hpp.gch: headers := tests/support/property.hpp tests/support/proxy_world.hpp
$(precompiled): $(B)/flags.list Makefile
	@mkdir -p $(@D)
	@echo "  c++   $(@:.gch=)"
	@printf '#include "%s"\n' $(headers) >$(@:.gch=)
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(common) -MMD -MP -MT $@ -MF $(@:.gch=.d) -x c++-header -c -o $@ $(@:.gch=)

PCH ?= 1
ifneq ($(PCH),)
start_from = $(eval $2: $(B)/precompiled/$1.hpp.gch)$(eval $2: private CPPFLAGS += -include $(B)/precompiled/$1.hpp)
$(call start_from,lib,$(filter-out $(proxy_objs) $(test_objs) $(B)/tests/support/main.o,$(all_objs)))
$(call start_from,proxy,$(proxy_objs))
$(call start_from,tests,$(filter-out $(proxy_test_objs),$(test_objs)))
$(call start_from,proxy_tests,$(proxy_test_objs))
endif

# Tests mostly wait, so they are optimised for the compiler's time.
$(test_objs) $(B)/tests/support/main.o $(filter %tests.hpp.gch,$(precompiled)): private common := $(patsubst -O2,-Og,$(common))

$(call objects,proxy/version.cpp): private CPPFLAGS += -DWEIR_VERSION='"$(VERSION)"'
$(call objects,proxy/version.cpp): $(B)/version.list

# A *.list changes only when what it holds does: another flag, a source removed, a new version.
$(B)/flags.list: held = $(CXX) $(compiler) $(CPPFLAGS) $(CXXFLAGS) $(common)
$(B)/version.list: held = $(VERSION)
$(B)/library.list: held = $(library)
$(B)/support.list: held = $(support)
$(B)/unit.list: held = $(unit)
$(B)/e2e.list: held = $(e2e)
%.list: FORCE
	@mkdir -p $(@D)
	@echo '$(held)' | cmp -s - $@ || echo '$(held)' >$@

-include $(all_objs:.o=.d) $(precompiled:.gch=.d)
