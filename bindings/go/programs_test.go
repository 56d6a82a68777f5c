package fbat_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The programs that come with the package, each in a process of its own. FBAT_PROGRAMS is the
// directory that they were built into; without it they are built here.

func program(t *testing.T, name string) string {
	t.Helper()
	if built := os.Getenv("FBAT_PROGRAMS"); built != "" {
		return filepath.Join(built, name)
	}
	binary := filepath.Join(t.TempDir(), name)
	for _, parent := range []string{"cmd", "examples"} {
		if _, err := os.Stat(filepath.Join(parent, name)); err == nil {
			place := "./" + parent + "/" + name
			build := exec.Command("go", "build", "-tags", "fbat_source", "-o", binary, place)
			output, err := build.CombinedOutput()
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
	event4 := `^6 sensor:4 plant 0x1004 1 1 1700000000000004 ` +
		`[0-9a-f]{32} [0-9a-f]{32} - 00010203 ` +
		`test\.index=34 ` + hash4 + ` -$`
	if !regexp.MustCompile(event4).MatchString(lines[4]) {
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
	decoded, _, _ = strings.Cut(decoded, "\n")
	equal(t, "decoded", decoded, "interplay/source "+first[7]+" 2 0x1000 "+first[12])
}

func TestQuakesPrintsWhatTheProgramInCPrints(t *testing.T) {
	root := must(filepath.Abs("../.."))(t)
	at, data := t.TempDir(), filepath.Join(root, "examples/data/earthquakes.jsonl")
	inC := filepath.Join(at, "quakes-c")
	sources := must(filepath.Glob(filepath.Join(root, "examples/c/[qjt]*.c")))(t)
	options := []string{"-O1", "-Iinclude", "-o", inC, "-Lbuild/lib", "-lfbat", "-lm",
		"-Wl,-rpath," + root + "/build/lib"}
	run(t, root, "", "cc", append(sources, options...)...)
	expected := run(t, at, "", inC, data, "c")
	equal(t, "output", run(t, at, "", program(t, "quakes"), data, "go"), expected)
	contains(t, expected, "1707 events of 12 networks")
}

func TestWithoutCgoTheOneErrorSaysWhatIsMissing(t *testing.T) {
	command := exec.Command("go", "build", "./examples/first")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := command.CombinedOutput()
	if err == nil {
		t.Error("it builds")
	}
	contains(t, string(output), "undefined: needs_cgo_and_a_C_compiler_see_CGO_ENABLED")
	equal(t, "errors", strings.Count(string(output), "undefined:"), 1)
}

// install puts what is built where a package manager would, but in a directory that nothing knows
// of, and a copy of this package beside it: Go's build cache keeps what pkg-config said of a
// package.
func install(t *testing.T, at string) {
	t.Helper()
	root := must(filepath.Abs("../.."))(t)
	ok(t, os.RemoveAll(at))
	for _, directory := range []string{"package", "program", "prefix/lib/pkgconfig"} {
		ok(t, os.MkdirAll(filepath.Join(at, directory), 0o700))
	}
	for _, file := range must(filepath.Glob("*.*"))(t) {
		if !strings.HasSuffix(file, "_test.go") {
			to := filepath.Join(at, "package", file)
			ok(t, os.WriteFile(to, must(os.ReadFile(file))(t), 0o600))
		}
	}
	for _, file := range must(filepath.Glob(filepath.Join(root, "build/lib/*")))(t) {
		ok(t, os.Symlink(file, filepath.Join(at, "prefix/lib", filepath.Base(file))))
	}
	ok(t, os.Symlink(filepath.Join(root, "include"), filepath.Join(at, "prefix/include")))
	for file, text := range map[string]string{
		"prefix/lib/pkgconfig/fbat.pc": "prefix=" + at + "/prefix\n" +
			"Name: fbat\nDescription: -\nVersion: 0\n" +
			"Cflags: -I${prefix}/include\nLibs: -L${prefix}/lib -lfbat\nLibs.private: -lgcc_s\n",
		"program/go.mod": "module user\ngo 1.24\n" +
			"require github.com/fbat-db/fbat/bindings/go v0.0.0\n" +
			"replace github.com/fbat-db/fbat/bindings/go => ../package\n",
		"program/main.go": string(must(os.ReadFile("examples/first/main.go"))(t)),
	} {
		ok(t, os.WriteFile(filepath.Join(at, file), []byte(text), 0o600))
	}
}

func needed(t *testing.T, program string) []string {
	t.Helper()
	file := must(elf.Open(program))(t)
	defer file.Close()
	return must(file.ImportedLibraries())(t)
}

func TestAnInstalledLibraryInAnUnusualPlaceIsFoundAsReadmeSays(t *testing.T) {
	if _, err := exec.LookPath("pkg-config"); err != nil {
		t.Skip(err)
	}
	at := filepath.Join(t.TempDir(), "installed")
	if built := os.Getenv("FBAT_PROGRAMS"); built != "" {
		at = filepath.Join(built, "installed") // where the build cache knows it
	}
	install(t, at)
	t.Setenv("GOFLAGS", "")
	t.Setenv("PKG_CONFIG_PATH", at+"/prefix/lib/pkgconfig")
	for name, flags := range map[string][]string{
		"told":   {"-ldflags", "-r " + at + "/prefix/lib"},
		"plain":  {},
		"static": {"-tags", "fbat_static"},
		"wholly": {"-tags", "fbat_static", "-ldflags", "-extldflags -static"},
	} {
		build := append(append([]string{"build", "-o", name}, flags...), ".")
		run(t, at+"/program", "", "go", build...)
		program := []string{at + "/program/" + name}
		if name == "plain" {
			program = append([]string{"LD_LIBRARY_PATH=" + at + "/prefix/lib"}, program...)
		}
		equal(t, name, run(t, t.TempDir(), "", "env", program...), "lamp:kitchen on\n")
		libraries := needed(t, at+"/program/"+name)
		isOurs := func(library string) bool { return strings.HasPrefix(library, "libfbat") }
		shared := slices.ContainsFunc(libraries, isOurs)
		equal(t, name+": needs libfbat", shared, name == "told" || name == "plain")
		equal(t, name+": needs nothing", len(libraries) == 0, name == "wholly")
	}
}

func TestBenchPrintsThreeFigures(t *testing.T) {
	output := run(t, t.TempDir(), "", program(t, "bench"), ".", "2000")
	figures := `^append_batch \d+\.\d+\npage_scan \d+\.\d+\nimport_filter \d+\.\d+\n$`
	if !regexp.MustCompile(figures).MatchString(output) {
		t.Errorf("%q", output)
	}
}
