package fbat_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	fbat "github.com/fbat-db/fbat/bindings/go"
)

func TestTheLogCallbackIsToldWhatWasPutRight(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ok(t, runRole(t, "append without closing", path))
	var lock sync.Mutex
	var lines []string
	fbat.SetLogCallback(func(level fbat.LogLevel, message string) {
		lock.Lock()
		defer lock.Unlock()
		lines = append(lines, fmt.Sprint(level, ": ", message))
		_ = fbat.LiveHandles()
	})
	ok(t, openAt(t, path).Close())
	fbat.SetLogCallback(nil)
	ok(t, openAt(t, path).Close())
	equal(t, "lines", len(lines), 1)
	equal(t, "line", lines[0], "info: "+path+": the last writer did not close the store")
	levels := fmt.Sprint(fbat.LogError, fbat.LogWarning, fbat.LogInfo, fbat.LogLevel(9))
	equal(t, "levels", levels, "error warning info unknown")
}

func TestALogCallbackMayGrowTheStackOfItsCaller(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	calls := 0
	fbat.SetLogCallback(func(fbat.LogLevel, string) {
		calls++
		growStack(1000)
		runtime.GC()
	})
	defer fbat.SetLogCallback(nil)
	for i := range 3 {
		ok(t, runRole(t, "append without closing", path))
		done := make(chan error)
		go func() { // on a stack that is small as yet
			report, _, err := fbat.Repair(ctx, path, fmt.Sprint(path, i), nil)
			if err == nil && report.Events < 2 {
				err = fmt.Errorf("%+v", report)
			}
			store, openErr := fbat.Open(ctx, path, nil)
			if openErr == nil {
				openErr = store.Close()
			}
			done <- errors.Join(err, openErr)
		}()
		ok(t, <-done)
	}
	equal(t, "lines", calls >= 6, true)
}

func growStack(depth int) (sum byte) {
	var frame [1024]byte
	frame[depth%1024] = byte(depth)
	if depth > 0 {
		sum = growStack(depth - 1)
	}
	return sum + frame[depth%1024]
}

func TestALogCallbackThatPanicsEndsTheProgramAndSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ok(t, runRole(t, "append without closing", path))
	err := runRole(t, "panic in the log callback", path)
	if err == nil {
		t.Fatal("the program goes on")
	}
	contains(t, err.Error(), "fbat: the log callback must return, but ended with: mine")
}

func init() {
	roles["panic in the log callback"] = func() {
		defer func() { _ = recover() }()
		fbat.SetLogCallback(func(fbat.LogLevel, string) { panic("mine") })
		_, _ = fbat.Open(ctx, os.Getenv("FBAT_TEST_ARGUMENT"), nil)
	}
}
