package fbat

import "fmt"

// endProgram ends the program where a callback left its frame in a way that cannot be carried across the frames of C and
// Rust below it: they would be cut off in the middle of their work, with a thread of the library still at it. A panic that
// nobody can recover is what remains. value is what recover gave; nil means runtime.Goexit.
func endProgram(who string, value any) {
	if value == nil {
		value = "runtime.Goexit (as testing.T.FailNow calls it)"
	}
	go panic(fmt.Sprintf("fbat: %s must return, but ended with: %v", who, value))
	select {}
}
