package main

import (
	"runtime/debug"
	"syscall"
	"time"
)

// limitMemory has the operating system refuse more: Go then ends the process with "out of memory". It also has the
// collector work harder before that, and bounds how deep a recursion goes.
func limitMemory(bytes uint64) {
	debug.SetMemoryLimit(int64(bytes / 4 * 3))
	debug.SetMaxStack(64 << 20)
	debug.SetGCPercent(200) // a fifth less CPU for a few megabytes
	limit := syscall.Rlimit{Cur: bytes, Max: bytes}
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &limit) // where there is none, the limit of time alone holds
}

// cpuTime is what this process has used so far, which another busy process does not change.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
