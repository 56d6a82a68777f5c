package fbat_test

import (
	"os"
	"strings"
	"testing"
)

// What README shows is code that is compiled and run: the program of examples/first, or lines of an
// example.
func TestReadmeShowsWhatTheTestsRun(t *testing.T) {
	readme := string(must(os.ReadFile("README.md"))(t))
	program := string(must(os.ReadFile("examples/first/main.go"))(t))
	examples := withoutIndent(string(must(os.ReadFile("example_test.go"))(t)))
	blocks := strings.Split(readme, "```go\n")[1:]
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if strings.HasPrefix(code, "package main") {
			equal(t, "program", code, program)
		} else if !strings.Contains(examples, withoutIndent(code)) {
			t.Errorf("no example has these lines:\n%s", code)
		}
	}
	equal(t, "blocks of Go in README", len(blocks) >= 10, true)
}

func withoutIndent(code string) string {
	lines := strings.Split(code, "\n")
	for i := range lines {
		lines[i] = strings.TrimLeft(lines[i], "\t")
	}
	return strings.Join(lines, "\n")
}
