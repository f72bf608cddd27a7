#!/usr/bin/env bash
# scripts/deps with a package manager of our own: a package that is not the pinned one is refused, the
# right one is unpacked, nothing is fetched twice, a copy of the system's wins.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/clone/scripts" "$work/clone/deps" "$work/bin"
cp "$QLAB_SOURCE/scripts/deps" "$work/clone/scripts/"
cat >"$work/bin/dpkg-query" <<'S'
#!/bin/sh
echo 'install ok installed'
S
cat >"$work/bin/npm" <<'S'
#!/bin/sh
# npm pack NAME --pack-destination DIR ...
echo "$2" >>"$FAKE/calls"
cp "$FAKE/package.tgz" "$4/package.tgz"
S
chmod +x "$work/bin/"*
export FAKE=$work PATH=$work/bin:$PATH
unset DUCKDB_ROOT || true
fail() { echo "$1"; [ -f "$work/log" ] && cat "$work/log"; exit 1; }

mkdir -p "$work/package/in"
echo header >"$work/package/in/duckdb.h"
echo library >"$work/package/in/lib"
tar -czf "$work/package.tgz" -C "$work" package
sum=sha512-$(openssl dgst -sha512 -binary "$work/package.tgz" | openssl base64 -A)
case "$(uname -s)-$(uname -m)" in
Linux-x86_64) platform=linux-x64 ;;
Linux-aarch64) platform=linux-arm64 ;;
*) echo "skipped: not a Linux of a pinned kind"; exit 77 ;;
esac
for h in /usr/include/duckdb.h /usr/local/include/duckdb.h; do
    [ ! -f $h ] || { echo "skipped: the system has its own libduckdb"; exit 77; }
done
pins() { printf 'any duckdb@1 %s package/in/duckdb.h duckdb.h\n%s lib@1 %s package/in/lib libduckdb.so\n' \
    "$1" "$platform" "$1" >"$work/clone/deps/pins"; }
run() { (cd "$work/clone" && scripts/deps) >"$work/log" 2>&1; }

pins sha512-AAAA
rc=0; run || rc=$?
[ $rc = 3 ] || fail "a wrong package ended $rc"
grep -q 'was not what deps/pins names' "$work/log" || fail "no word about the pin"
[ ! -e "$work/clone/deps/duckdb/duckdb.h" ] || fail "a wrong package was unpacked"

pins "$sum"
: >"$work/calls"
run || fail "the right package was refused"
[ "$(cat "$work/clone/deps/duckdb/duckdb.h" "$work/clone/deps/duckdb/libduckdb.so")" = "header
library" ] || fail "the two files are not there"
[ "$(wc -l <"$work/calls")" = 2 ] || fail "not two packages fetched"
run || fail "the second run failed"
[ "$(wc -l <"$work/calls")" = 2 ] || fail "fetched twice"
[ ! -s "$work/log" ] || fail "the second run had something to say"

rm -rf "$work/clone/deps/duckdb"
DUCKDB_ROOT=$work/clone run || fail "DUCKDB_ROOT was not taken"
[ "$(wc -l <"$work/calls")" = 2 ] || fail "fetched although DUCKDB_ROOT was given"
echo "pins hold"
