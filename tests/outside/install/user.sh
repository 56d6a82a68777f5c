# Programs of a user, outside of this tree, against an installation; for scripts/install-test and
# scripts/deb-test. Wanted: scripts/lib.sh; $tree, this tree; $soname.

debug_sections() { # file...: how many there are
  readelf -SW "$@" 2>/dev/null | grep -c '\.debug_' || true
}

# The programs: in C, in C++ with the header of C, and with fbat.hpp where it is installed.
programs() { # include directory
  echo "$tree/examples/c/first.c $tree/tests/outside/install/plain.cpp"
  [ ! -e "$1/fbat.hpp" ] || echo "$tree/tests/outside/install/header_only.cpp"
}

compiler() { # source
  case $1 in
  *.c) echo "${CC:-cc} -std=c11" ;;
  *) echo "${CXX:-c++} -std=c++17" ;;
  esac
}

# Runs what was built, and looks at what it needs: the shared library by its soname, or none at all.
run_program() { # program static|shared library path
  local needed
  needed=$(readelf -d "$1" | sed -n 's/.*NEEDED.*\[\(libfbat[^]]*\)\]/\1/p')
  [ "$needed" = "$([ "$2" = static ] || echo "$soname")" ] || bad "$2: the program needs '$needed'"
  rm -rf "$work/user/store"
  env ${3:+LD_LIBRARY_PATH="$3"} "$1" "$work/user/store" >"$work/user/output" || {
    cat "$work/user/output"
    bad "$1"
  }
}

# With flags from pkg-config, in an environment where nothing else can lend a library. Empty: where
# the system looks.
with_pkg_config() { # what static|shared library directory
  local source flags pc=(env ${3:+PKG_CONFIG_PATH="$3/pkgconfig"} pkg-config)
  rm -rf "$work/user" && mkdir "$work/user"
  if [ "$2" = static ]; then
    # the archive by its name, everything else as pkg-config says
    flags="$("${pc[@]}" --cflags fbat)"
    flags+=" $("${pc[@]}" --static --libs fbat | sed 's/-lfbat/-l:libfbat.a/')"
  else
    flags="$("${pc[@]}" --cflags --libs fbat)"
  fi
  for source in $(programs "$("${pc[@]}" --variable=includedir fbat)"); do
    # shellcheck disable=SC2046,SC2086
    (cd "$work/user" &&
      $(compiler "$source") -Wall -Wextra -Wpedantic -Werror "$source" -o program $flags)
    run_program "$work/user/program" "$2" "$3"
    ok "pkg-config, $2, $1: $(basename "$source")"
  done
}

# With find_package: shared and static, and every version that may be asked for. $3 is where the
# headers are.
with_cmake() { # what prefix headers library directory
  local program kind list
  rm -rf "$work/user" && mkdir "$work/user"
  cp "$tree/tests/outside/install/CMakeLists.txt" "$work/user"
  list=$(programs "$3" | tr ' \n' ';;')
  cmake -S "$work/user" -B "$work/user/build" -DPROGRAMS="${list%;}" \
    ${2:+-DCMAKE_PREFIX_PATH="$2"} >"$work/user/log" 2>&1 &&
    cmake --build "$work/user/build" >>"$work/user/log" 2>&1 || {
    tail -n 30 "$work/user/log"
    bad "CMake, $1"
  }
  [ -z "$2" ] || equal "where CMake found it, $1" \
    "$(sed -n 's/^-- fbat_DIR //p' "$work/user/log")" "$4/cmake/fbat"
  for program in "$work"/user/build/*_fbat "$work"/user/build/*_static; do
    kind=shared && [ "${program%_static}" = "$program" ] || kind=static
    run_program "$program" "$kind" ""
    ok "CMake, $kind, $1: $(basename "$program")"
  done
}

manual() { # what root of the pages, or nothing
  local page where=(env ${2:+MANPATH="$2"})
  for page in fbat fbat-import fbat_import fbat_import_report; do
    [ -n "$("${where[@]}" man -w 3 $page)" ] || bad "man $page, $1"
  done
  equal "man fbat_import, $1" \
    "$("${where[@]}" man fbat_import | col -b | sed -n 's/^ *fbat_import - //p')" \
    "copies events of one store into another, exactly once"
}

# Programs of other languages: a script beside this one each, which finds fbat.pc, and gets a
# directory to work in.
other_languages() { # what library directory, or nothing
  local script language
  for script in "$tree"/tests/outside/install/*; do
    [ -x "$script" ] || continue
    language=$(basename "$script")
    rm -rf "$work/user" && mkdir "$work/user"
    (cd "$work/user" && env ${2:+PKG_CONFIG_PATH="$2/pkgconfig" LD_LIBRARY_PATH="$2"} "$script") \
      >"$work/log" 2>&1 || {
      cat "$work/log"
      bad "$language, $1"
    }
    ! grep '^skipped: ' "$work/log" || continue
    ok "$language, $1"
  done
}
