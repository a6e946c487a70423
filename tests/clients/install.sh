#!/bin/sh
# Build the client programs of docs/clients.md into .clients, with the libraries in the versions of the lock files. What is built
# already is left as it is.
set -eu
cd "$(dirname "$0")"
out=$(cd ../.. && pwd)/.clients
mkdir -p "$out"
# `make test` builds beside its linters; whoever comes meanwhile waits here.
exec 9>"$out/lock"
! command -v flock >/dev/null || flock 9

for tool in npm go cargo java mvn; do
    command -v $tool >/dev/null ||
        { echo "The tests of client libraries need $tool (Go 1.26, Rust 1.95, Java 17 or newer), and it is missing." >&2; exit 1; }
done

# What Rust has compiled of libraries is kept beside what the other tools keep in the user's home: for the recipes' program, and
# for another checkout. Maven and its compiler are too short-lived for the JVM's second compiler.
export CARGO_BUILD_BUILD_DIR="${XDG_CACHE_HOME:-$HOME/.cache}/sse-hub-tests/rust"
export MAVEN_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

# `newer NAME FILE...` is true if one of the files has changed since NAME was built.
newer() {
    name=$1
    shift
    [ ! -e "$out/$name/built" ] || [ -n "$(find "$@" -newer "$out/$name/built")" ]
}

if newer npm npm; then
    mkdir -p "$out/npm"
    cp npm/* "$out/npm"
    (cd "$out/npm" && npm ci --ignore-scripts --no-audit --no-fund --silent && touch built)
fi
# Two packages have a module `sseclient`.
for lock in requirements sseclient; do
    if newer $lock python/$lock.lock; then
        python3 -m pip --python ../../.venv/bin/python install --quiet --disable-pip-version-check --root-user-action ignore \
            --require-hashes --upgrade --target "$out/$lock" -r python/$lock.lock
        touch "$out/$lock/built"
    fi
done
if newer go go; then
    mkdir -p "$out/go"
    (cd go && GOFLAGS=-mod=readonly go build -o "$out/go/" ./...)
    touch "$out/go/built"
fi
if newer java java; then
    mkdir -p "$out/java"
    cp -R java/. "$out/java"
    (cd "$out/java" && mvn -q -B compile dependency:copy-dependencies && touch built)
fi
if newer rust rust; then
    (cd rust && cargo build --quiet --locked --target-dir "$out/rust")
    touch "$out/rust/built"
fi
