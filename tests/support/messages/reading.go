// Reads lines of base64 from stdin. Writes a line of JSON for each: what a server on encoding/json
// reads, or null.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os"
)

type message struct {
	Method any `json:"method"`
	ID     any `json:"id"`
	Params struct {
		Name any `json:"name"`
	} `json:"params"`
}

func reading(body []byte) any {
	var one message
	if json.Unmarshal(body, &one) == nil {
		return []any{0, one.Method, one.Params.Name, one.ID}
	}
	var several []message
	if json.Unmarshal(body, &several) == nil {
		return []any{len(several), nil, nil, nil}
	}
	return nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for lines.Scan() {
		body, _ := base64.StdEncoding.DecodeString(lines.Text())
		encoder.Encode(reading(body))
	}
}
