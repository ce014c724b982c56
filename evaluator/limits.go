package main

import (
	"runtime/debug"
	"syscall"
	"time"
)

// limitMemory sets the memory limit of the operating system, at which Go ends the process with "out of memory". It also
// makes the collector work harder below that, and limits recursion.
func limitMemory(bytes uint64) {
	debug.SetMemoryLimit(int64(bytes / 4 * 3))
	debug.SetMaxStack(64 << 20)
	debug.SetGCPercent(200) // a fifth less CPU for a few megabytes
	limit := syscall.Rlimit{Cur: bytes, Max: bytes}
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &limit) // without this limit only the time limit applies
}

// cpuTime returns the CPU time of this process, which other busy processes do not change.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
