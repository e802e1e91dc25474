package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"tierlab/engine"
	"tierlab/engine/backend/cuda"
)

// TestAutoTakesTheCPU: without a GPU, --backend auto says in one line why, and
// prints what --backend cpu does.
func TestAutoTakesTheCPU(t *testing.T) {
	if found := cuda.Probe(); found.Err() == nil {
		t.Skip("this machine has a GPU")
	}
	outputs := map[string]string{}
	for _, backend := range []string{"cpu", "auto"} {
		var out, errs bytes.Buffer
		args := strings.Fields("engine generate --prompt hello --max-tokens 8 --numerics bf16 --backend " + backend)
		if code := Main(context.Background(), args, Stdio{In: strings.NewReader(""), Out: &out, Err: &errs}); code != ExitOK {
			t.Fatalf("%s: exit %d: %s", backend, code, errs.String())
		}
		outputs[backend] = out.String()
		said := strings.Count(errs.String(), "tierlab: --backend auto takes the CPU: ")
		if want := map[string]int{"cpu": 0, "auto": 1}[backend]; said != want {
			t.Errorf("%s: it says %d times why: %s", backend, said, errs.String())
		}
	}
	if outputs["cpu"] != outputs["auto"] {
		t.Errorf("auto writes %q, cpu %q", outputs["auto"], outputs["cpu"])
	}
}

// TestFallbackFillsAnew: sizes that nobody asked for are those of the backend
// that computes in the end.
func TestFallbackFillsAnew(t *testing.T) {
	o := engineOptions{backend: backendCUDA, usualSlots: 16, fallback: fallback{auto: true, asked: sizes{budget: 640}}}
	o.fill()
	if got := (sizes{o.slots, o.budget, o.block}); got != (sizes{256, 640, 64}) {
		t.Errorf("on cuda %+v", got)
	}
	var told bytes.Buffer
	o.notices = &told
	o.toCPU(errors.New("the memory\nis taken"))
	o.tellFallback()
	if got := (sizes{o.slots, o.budget, o.block}); got != (sizes{16, 640, 32}) || o.backend != backendCPU {
		t.Errorf("on %s %+v", o.backend, got)
	}
	if told.String() != "tierlab: --backend auto takes the CPU: the memory is taken (see tierlab doctor)\n" {
		t.Errorf("told %q", told.String())
	}
}

// TestSiteOfDevices serves one engine for each device.
func TestSiteOfDevices(t *testing.T) {
	o := engineOptions{backend: backendNull, numerics: "bf16", usualSlots: 4, queue: 8}
	o.model.model = "tiny"
	if err := o.validate(); err != nil {
		t.Fatal(err)
	}
	o.devices = []int{0, 1, 2}
	m, err := o.load()
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.startSite(m, "tiny")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Caps(); len(s.replicas) != 3 || got.Slots != 3*4 {
		t.Errorf("%d replicas with %d slots", len(s.replicas), got.Slots)
	}
	for range 6 {
		stream, err := s.Submit(t.Context(), engine.Request{Prompt: []int32{1, 2}, MaxTokens: 2, IgnoreEnd: true, Logprobs: -1})
		if err != nil {
			t.Fatal(err)
		}
		for _, more := stream.Next(); more; _, more = stream.Next() {
		}
	}
	if st := s.Stats(); st.Length != 6 {
		t.Errorf("%+v", st)
	}
}
