package workloads_test

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"strings"

	"tierlab/workloads"
)

// A plan with a sub-agent of two steps, a second turn of its user, and the
// system prompt that all sessions share.
func Example() {
	const file = `{"kind":"header","schema":"tierlab/v1","name":"example","provenance":{"source":"written by hand"}}
{"kind":"prefix","name":"system","add":1500}
{"kind":"session","id":"trip","arrival_ms":0,"origin":"lagos","budget":{"usd":0.5}}
{"kind":"step","id":"plan","llm":{"kind":"plan","output_tokens":200,"context":{"from":"@system","keep":1500,"add":100}},"tools":[{"name":"calendar","duration_ms":300,"bytes_out":2048},{"name":"research","spawn":["search","read"]}]}
{"kind":"step","id":"search","after":[{"step":"plan","on":"llm_done","delay_ms":5}],"llm":{"kind":"tool_select","output_tokens":40,"context":{"add":400}},"tools":[{"name":"web","duration_ms":1200,"data":"regional"}]}
{"kind":"step","id":"read","after":[{"step":"search"}],"llm":{"kind":"summarize","output_tokens":150,"context":{"from":"search","keep":440,"add":6000}}}
{"kind":"step","id":"answer","after":[{"step":"plan"}],"llm":{"kind":"chat","output_tokens":300,"context":{"from":"plan","keep":1800,"add":250}}}
{"kind":"step","id":"again","after":[{"step":"answer","delay_ms":45000,"cause":"human"}],"llm":{"kind":"chat","output_tokens":120,"context":{"from":"answer","keep":2350,"add":30}}}
`
	for trace, err := range workloads.NewReader(strings.NewReader(file), "example.jsonl").Sessions() {
		if err != nil {
			log.Fatal(err)
		}
		for i := range trace.Graph.Steps {
			n := &trace.Graph.Steps[i]
			fmt.Printf("%-7s depth %d, line %d: prompt %5d of which %d kept\n", n.Step.ID, n.Depth, n.Line, n.Input, n.Keep)
		}
	}
	// Output:
	// plan    depth 0, line 0: prompt  1600 of which 1500 kept
	// search  depth 1, line 1: prompt   400 of which 0 kept
	// read    depth 2, line 1: prompt  6440 of which 440 kept
	// answer  depth 3, line 0: prompt  2050 of which 1800 kept
	// again   depth 4, line 0: prompt  2380 of which 2350 kept
}

// The reader says where a file is wrong and what would be right.
func ExampleReader() {
	const file = `{"kind":"header","schema":"tierlab/v1","name":"example","provenance":{"source":"written by hand"}}
{"kind":"session","id":"a"}
{"kind":"step","id":"s1","llm":{"output_tokens":10,"context":{"add":100}}}
{"kind":"step","id":"s2","after":[{"step":"s11"}],"llm":{"output_tokens":10,"context":{"from":"s1","keep":110,"add":20}}}
`
	for _, err := range workloads.NewReader(strings.NewReader(file), "w.jsonl").Sessions() {
		fmt.Println(err)
	}
	// Output:
	// w.jsonl:4: step "s2": after[0].step: "s11" is not a step of this session (did you mean "s1"?)
}

func ExampleWriter() {
	var out bytes.Buffer
	w := workloads.NewWriter(&out, workloads.Header{Name: "one", Provenance: workloads.Provenance{Source: "made up"}})
	arrival := workloads.Millis(0)
	w.Session(&workloads.Session{ID: "1", Arrival: &arrival})
	w.Step(&workloads.Step{ID: "1", LLM: workloads.LLM{OutputTokens: 202, Context: workloads.Context{Add: 217}}})
	// The first error stays, so it is enough to look at Close's.
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	out.WriteTo(os.Stdout)
	// Output:
	// {"kind":"header","schema":"tierlab/v1","name":"one","provenance":{"source":"made up"}}
	// {"kind":"session","id":"1","arrival_ms":0}
	// {"kind":"step","id":"1","llm":{"output_tokens":202,"context":{"add":217}}}
}
