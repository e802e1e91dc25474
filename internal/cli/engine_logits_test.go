package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// TestLogits: rows are those of the tokens behind the prompt, whatever part of
// them is the prompt, and the file is NumPy's.
func TestLogits(t *testing.T) {
	run := func(prompt string) []byte {
		var out, messages bytes.Buffer
		code := Main(context.Background(), []string{"engine", "logits", "--model", "tiny", "--tokens", "-", "--prompt", prompt, "--out", "-", "--quiet"},
			Stdio{In: strings.NewReader("5 6 7\n8 9"), Out: &out, Err: &messages})
		if code != ExitOK {
			t.Fatalf("exit %d: %s", code, messages.String())
		}
		return out.Bytes()
	}
	all, last := run("1"), run("4")
	size := int(binary.LittleEndian.Uint16(all[8:])) + 10
	if !bytes.HasPrefix(all, []byte("\x93NUMPY\x01\x00")) || size%64 != 0 || !strings.Contains(string(all[10:size]), "'<f4', 'fortran_order': False, 'shape': (4, 512)") {
		t.Errorf("the header is %q", all[:size])
	}
	if got, want := len(all)-size, 4*4*512; got != want {
		t.Errorf("%d bytes of values, want %d", got, want)
	}
	if !bytes.Equal(all[len(all)-4*512:], last[len(last)-4*512:]) {
		t.Error("the last row depends on what was the prompt")
	}
	if v := math.Float32frombits(binary.LittleEndian.Uint32(all[size:])); v == 0 || math.IsNaN(float64(v)) {
		t.Errorf("the first logit is %g", v)
	}
}
