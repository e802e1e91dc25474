package confine

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestConfig: what a parent sends is what its child applies.
func TestConfig(t *testing.T) {
	c := Config{Memory: 1 << 30, CPU: time.Second, Threads: 8, MakesCode: true, Without: []Layer{Landlock}, Required: []Layer{Seccomp}}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var got Config
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%s becomes %+v (%v)", text, got, err)
	}
}

// TestProbe names every layer once, in order, on every system, and says why one
// is not in force.
func TestProbe(t *testing.T) {
	r := Probe()
	for i, l := range Layers() {
		if i >= len(r) || r[i].Layer != l || !r[i].InForce && r[i].Detail == "" {
			t.Fatalf("the report is\n%swant a line for each of %v", r, Layers())
		}
	}
	if !strings.Contains(r.String(), "in force") {
		t.Errorf("the report reads\n%s", r)
	}
}
