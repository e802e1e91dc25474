package sandbox

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"
)

// TestLargeParent: the peak of a process counts from that of the process that
// started it, so a parent that has held much must not make its children look
// large: they would be replaced before their first program, for ever.
func TestLargeParent(t *testing.T) {
	large := make([]byte, 512<<20)
	for i := 0; i < len(large); i += 4096 {
		large[i] = 1
	}
	p, err := NewPool(Config{Workers: 1, Limits: Limits{Memory: 16 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range 3 {
		r, err := p.Run(t.Context(), &Run{Language: JavaScript, Source: []byte("1 + 1")})
		if err != nil || string(r.Value) != "2" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	runtime.KeepAlive(large)
}

// TestTooLargeChild: a bound below what any child needs is told, and not tried
// for ever.
func TestTooLargeChild(t *testing.T) {
	if _, ok := resident(1); !ok && runtime.GOOS != "linux" {
		t.Skip("what a child holds is not known here")
	}
	p, err := NewPool(Config{Workers: 1, Resident: 1 << 20})
	if err == nil {
		defer p.Close()
		_, err = p.Run(t.Context(), &Run{Language: JavaScript, Source: []byte("1"), Input: json.RawMessage("1")})
	}
	if err == nil || !strings.Contains(err.Error(), "Config.Resident") {
		t.Errorf("%v", err)
	}
}
