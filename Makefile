# The commands of the project.  The work is in scripts/ and CMake.
#
#   make run                                synthetic market, to a stage A verdict
#   make run VENDOR=DIR [POLICY= BASIS= ASOF= ROOT=]     the same on a real vendor folder
#   make test | build | bench | lint | asan | tsan | fuzz | install [PREFIX=] | clean

PREFIX ?= /usr/local
export VENDOR POLICY BASIS ASOF ROOT CANDIDATES

run:
	@scripts/run
test:
	@scripts/test
build:
	@scripts/deps build
	@cmake --preset release --log-level=WARNING >/dev/null
	@cmake --build --preset release -- --quiet
bench: build
	@cmake --build --preset release --target bench_programs -- --quiet
	@scripts/bench
lint:
	@scripts/lint
asan:
	@scripts/test asan
tsan:
	@scripts/test tsan
fuzz:
	@scripts/test fuzz
install: build
	cmake --install build/release --prefix $(PREFIX)
clean:
	rm -rf build out

.PHONY: run test build bench lint asan tsan fuzz install clean
