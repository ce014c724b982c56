// Evaluator renders components of OAM Applications as KubeVela does, with CUE's own evaluator. It reads one request a
// line from standard input, and writes one answer a line, both in JSON (request.go), until the input ends. It uses no
// files, environment variables or network.
//
// If an evaluation exceeds its CPU time, the answer is {"limit": "time"}. If it exceeds its memory, the process ends
// without an answer, and the caller starts another.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	seconds := flag.Float64("seconds", 2, "CPU time that one evaluation may take")
	megabytes := flag.Uint64("megabytes", 512, "memory that the process may take")
	flag.Parse()
	limitMemory(*megabytes << 20)
	if err := serve(os.Stdin, os.Stdout, time.Duration(*seconds*float64(time.Second))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers requests until the input ends.
func serve(input io.Reader, output io.Writer, limit time.Duration) error {
	lines := bufio.NewReaderSize(input, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if err := write(output, answerWithin(line, limit, output)); err != nil {
			return err
		}
	}
}

// answerWithin answers one request. If its time is up, it writes that as the answer and ends the process, since an
// evaluation cannot be stopped otherwise.
func answerWithin(line []byte, limit time.Duration, output io.Writer) Answer {
	done := make(chan struct{})
	defer close(done)
	started := cpuTime()
	go func() {
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-done:
				return
			case <-tick.C:
				if cpuTime()-started > limit {
					_ = write(output, Answer{Limit: "time"})
					os.Exit(3)
				}
			}
		}
	}()
	var request Request
	if err := json.Unmarshal(line, &request); err != nil {
		return Answer{Findings: []Finding{{Kind: "failure", Part: -1, Message: err.Error()}}}
	}
	if request.File != "" {
		return defined(request.File, request.Text)
	}
	if request.Scope != nil {
		return valued(request.ValueFrom, request.Scope)
	}
	return answer(request, func(part int) { _ = write(output, Answer{At: &part}) })
}

func write(output io.Writer, answer Answer) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	_, err = output.Write(append(text, '\n'))
	return err
}
