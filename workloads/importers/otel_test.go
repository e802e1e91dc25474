package importers

import (
	"bytes"
	"testing"
)

func TestTryOtel(t *testing.T) {
	for _, f := range []string{"simple_chain.json", "simple_chain_alt.json"} {
		var b bytes.Buffer
		sum, err := otel.Import([]string{recording(t, "inference-perf-otel/test_traces/simple/"+f)}, &b, Options{})
		t.Log(sum, err)
		t.Log(b.String())
	}
}
