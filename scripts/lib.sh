# What the runners share: what passed and failed, what is left out, and the closing line. To be
# sourced; $work is a directory to work in, which goes away.
#   ok WHAT                         something passed
#   bad WHAT                        something failed
#   equal WHAT FOUND EXPECTED       passes if both are the same text
#   try WHAT COMMAND...             passes if the command does, and shows what it printed if not
#   skip WHAT WHY                   left out, which CI takes for a failure
#   sum LOG...                      adds up the closing lines of logs, also cargo's: "PASSED FAILED"
#   add LOG...                      the same, into our own
# A script ends with "N passed, M failed", whatever ended it, and fails if anything did, or if there
# was nothing.
passed=0 failed=0 skipped=0
work=$(mktemp -d)

ok() {
  passed=$((passed + 1))
  printf '  %s\n' "$1"
}

bad() {
  failed=$((failed + 1))
  printf '  %s: FAILED\n' "$1"
  return 1
}

equal() {
  if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: '$2' is not '$3'"; fi
}

try() {
  local what=$1 from=$SECONDS log=$work/try
  shift
  if "$@" >"$log" 2>&1; then
    ok "$what, $((SECONDS - from)) s"
  else
    tail -n 60 "$log"
    bad "$what"
  fi
}

skip() {
  skipped=$((skipped + 1))
  echo "skipped: $1: $2"
}

sum() {
  local closing='s/^(test result: [A-Za-z]+\. )?([0-9]+) passed[;,] ([0-9]+) failed.*/\2 \3/p'
  cat "$@" | sed -nE "$closing" | awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }'
}

add() {
  local p f
  read -r p f < <(sum "$@")
  passed=$((passed + p)) failed=$((failed + f))
}

closing() {
  local status=$?
  rm -rf "$work"
  # Nothing that was tried is no success; nor is what ended in the middle.
  [ "$status" = 0 ] && [ $((passed + failed + skipped)) != 0 ] || [ "$failed" != 0 ] || failed=1
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ] || exit 1
}
trap closing EXIT
