#!/usr/bin/env bash
# Go's build cache does not notice that pkg-config answers otherwise.
#
# Seen with Go 1.26.8, GCC 12.2.0 and pkg-config 1.8.1 (pkgconf) on Linux, x86-64.
#
# A package says `#cgo pkg-config: place`. The library is moved, place.pc says so, and `go build` is
# run again. pkg-config is run, and what it says now is not used: the program still has the library
# directory of the first build. Changed CGO_CFLAGS, or `go build -a`, build anew. So whoever
# installs a C library in another place has to clean Go's cache, or to differ in a flag.
set -euo pipefail
for tool in go gcc pkg-config; do
  command -v "$tool" >/dev/null || { echo "missing: $tool"; exit 2; }
done
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOTOOLCHAIN=go1.26.8 GOPATH=$work/go GOCACHE=$work/cache GOFLAGS=-mod=mod GOENV=off
export CGO_ENABLED=1 PKG_CONFIG_PATH=$work
cd "$work"

for number in 1 2; do
  mkdir "$number"
  echo "int place(void) { return $number; }" |
    gcc -x c -shared -fPIC -Wl,-soname,libplace.so -o "$number/libplace.so" -
done
mkdir program
printf 'module place.example/program\n\ngo 1.22\n' >program/go.mod
cat >program/main.go <<'GO'
package main

// #cgo pkg-config: place
// int place(void);
import "C"

import "fmt"

func main() { fmt.Println(C.place()) }
GO

# library NUMBER - place.pc names the library of that number.
library() {
  printf '%s\n' 'Name: place' 'Description: a library that says where it is' 'Version: 1' \
    "Libs: -L$work/$1 -Wl,-rpath,$work/$1 -lplace" >place.pc
}

# build NAME OPTION... - what the program that is built now answers.
build() {
  (cd program && go build -o "../$1" "${@:2}" .)
  "./$1"
}

go version
echo "pkg-config $(pkg-config --version)"
library 1
first=$(build first)
library 2
second=$(build second)
flags=$(CGO_CFLAGS="-O2 -g -DELSEWHERE" build flags)
all=$(build all -a)
echo "library 1: $first; then library 2: $second, with another CGO_CFLAGS $flags, with -a $all"
[ "$first $second $flags $all" = "1 1 2 2" ] || { echo "changed"; exit 1; }
