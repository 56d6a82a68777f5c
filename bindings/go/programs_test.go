package fbat_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The programs that come with the package, each in a process of its own. FBAT_PROGRAMS is the directory that they were built
// into; without it they are built here.

func program(t *testing.T, name string) string {
	t.Helper()
	if built := os.Getenv("FBAT_PROGRAMS"); built != "" {
		return filepath.Join(built, name)
	}
	binary := filepath.Join(t.TempDir(), name)
	for _, parent := range []string{"cmd", "examples"} {
		if _, err := os.Stat(filepath.Join(parent, name)); err == nil {
			output, err := exec.Command("go", "build", "-tags", "fbat_source", "-o", binary, "./"+parent+"/"+name).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, output)
			}
		}
	}
	return binary
}

func run(t *testing.T, directory, input, name string, arguments ...string) string {
	t.Helper()
	command := exec.Command(name, arguments...)
	command.Dir, command.Stdin = directory, strings.NewReader(input)
	var failure strings.Builder
	command.Stderr = &failure
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s%s", name, err, output, failure.String())
	}
	return string(output)
}

func TestTheFirstProgramSaysWhatItAppended(t *testing.T) {
	equal(t, "output", run(t, t.TempDir(), "", program(t, "first")), "lamp:kitchen on\n")
}

func TestInterplayReadsImportsAndFramesWhatItWrote(t *testing.T) {
	interplay, at := program(t, "interplay"), t.TempDir()
	equal(t, "write", run(t, at, "", interplay, "write", "s"), "")
	lines := strings.Split(strings.TrimSuffix(run(t, at, "", interplay, "read", "s"), "\n"), "\n")
	equal(t, "lines", len(lines), 300)
	// Event 4 has an extension and no cause; event 13 the other way round, caused by the first.
	const hash4 = "f30f5ab28fe047904037f77b6da4fea1e27241c5d132638d8bedce9d40494f32"
	if !regexp.MustCompile(`^6 sensor:4 plant 0x1004 1 1 1700000000000004 [0-9a-f]{32} [0-9a-f]{32} - 00010203 test\.index=34 ` +
		hash4 + ` -$`).MatchString(lines[4]) {
		t.Errorf("event 4: %s", lines[4])
	}
	first := strings.Fields(lines[0])
	equal(t, "no payload", first[10], "-")
	equal(t, "cause", strings.Fields(lines[13])[9], first[7])
	equal(t, "scope", strings.Fields(lines[13])[2], "Gebäude")
	equal(t, "no extensions", strings.Fields(lines[13])[11], "-")
	equal(t, "import", run(t, at, "", interplay, "import", "s", "d"),
		"imported 180 deduplicated 0 filtered 120 reserved 1 conflicts 0 watermark 301\n")
	equal(t, "again", run(t, at, "", interplay, "import", "s", "d"),
		"imported 0 deduplicated 180 filtered 120 reserved 1 conflicts 0 watermark 301\n")
	imported := strings.Split(run(t, at, "", interplay, "read", "d"), "\n")
	contains(t, imported[0], " interplay/source/2/"+first[7])
	decoded := run(t, at, run(t, at, "", interplay, "frame", "d"), interplay, "decode")
	equal(t, "frames", strings.Count(decoded, "\n"), 180)
	equal(t, "decoded", strings.Split(decoded, "\n")[0], "interplay/source "+first[7]+" 2 0x1000 "+first[12])
}

func TestQuakesPrintsWhatTheProgramInCPrints(t *testing.T) {
	root := must(filepath.Abs("../.."))(t)
	at, data := t.TempDir(), filepath.Join(root, "examples/data/earthquakes.jsonl")
	inC := filepath.Join(root, "build/examples/quakes")
	if _, err := os.Stat(inC); err != nil {
		inC = filepath.Join(at, "quakes-c")
		sources := must(filepath.Glob(filepath.Join(root, "examples/c/[qjt]*.c")))(t)
		run(t, root, "", "cc", append(sources, "-O1", "-Iinclude", "-o", inC, "-Lbuild/lib", "-Wl,-rpath,"+root+"/build/lib", "-lfbat", "-lm")...)
	}
	expected := run(t, at, "", inC, data, "c")
	equal(t, "output", run(t, at, "", program(t, "quakes"), data, "go"), expected)
	contains(t, expected, "1707 events of 12 networks")
}

func TestBenchPrintsThreeFigures(t *testing.T) {
	output := run(t, t.TempDir(), "", program(t, "bench"), ".", "2000")
	if !regexp.MustCompile(`^append_batch \d+\.\d+\npage_scan \d+\.\d+\nimport_filter \d+\.\d+\n$`).MatchString(output) {
		t.Errorf("%q", output)
	}
}
