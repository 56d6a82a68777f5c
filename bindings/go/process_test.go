package fbat_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// runRole runs one of the roles in a process of its own. The error has what it printed.
func runRole(t testing.TB, role, argument string) error {
	t.Helper()
	command := exec.Command(must(os.Executable())(t))
	command.Env = append(os.Environ(), "FBAT_TEST_ROLE="+role, "FBAT_TEST_ARGUMENT="+argument)
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}
