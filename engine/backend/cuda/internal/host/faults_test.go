//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
)

// TestFaults makes every mistake that doc.go says is caught.
func TestFaults(t *testing.T) {
	const n = 64
	cases := []struct {
		name, want string // "": no fault
	}{
		{"nothing wrong", ""},
		{"half of the block has a barrier", "after 32 threads of the block have returned"},
		{"two barriers", "__syncthreads in divergent code"},
		{"a lane has returned", "the thread returns while other lanes wait in __shfl_xor_sync"},
		{"two collectives", "in divergent code: another lane waits in"},
		{"a mask", "the mask 0x0000ffff"},
		{"a barrier against a collective", "collectives in divergent code: 2 threads wait in __syncthreads"},
		{"a write far behind the end", "after the end of an allocation of 256"},
		{"a write right behind the end", "has written byte 252 of an allocation of 252"},
		{"a read of nothing", "memory fault"},
		{"a null pointer", "a null pointer"},
		{"an array's bound", "undefined: "},
		{"a write behind shared memory", "byte 256 of 256 bytes of dynamic shared memory is accessed"},
		{"a write before shared memory", "byte -4 of 256 bytes of dynamic shared memory is written"},
		{"a vector out of line", "undefined: an array's bound, an unaligned address"},
		{"a division by zero", "undefined: "},
		{"a shift too far", "undefined: "},
		{"a copy without wait", "1 asynchronous copies that no copy_wait waited for"},
		{"a copy out of line", "is not a multiple of 16"},
		{"a copy to global memory", "is not in the block's shared memory"},
		{"matrices of global memory", "is not in the block's shared memory"},
		{"a vector read once out of line", "load_once (line"},
		{"a deep stack", "the stack of 65536 bytes is too small"},
		{"a race for global memory", "depends on which thread runs first"},
		{"a race for shared memory", "depends on which thread runs first"},
	}
	d := open(t, Options{Strict: true})
	f := d.function(t, "faults.cu", "faults")
	in := upload(t, d, random(n))
	for mode, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out := make([]uint32, n)
			if mode == 8 {
				out = out[:n-1]
			}
			p := params{in: in, out: upload(t, d, out), n: int32(len(out)), mode: int32(mode)}
			err := d.Launch(driver.Launch{Function: f, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{n, 1, 1}, Shared: 4 * n, Params: p.bytes()}, d.stream)
			if c.want == "" {
				check(t, err)
				return
			}
			var fault *driver.Error
			if !errors.As(err, &fault) || fault.Name != "CUDA_ERROR_LAUNCH_FAILED" {
				t.Fatalf("%v, want a launch failure: %s", err, c.want)
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "kernel faults") {
				t.Errorf("%q does not say %q", err, c.want)
			}
			t.Log(err)
		})
	}
}

// TestUnassigned reads a variable that nothing was assigned to.
func TestUnassigned(t *testing.T) {
	d := open(t, Options{Strict: true})
	if version := d.compiler.Name(); !slices.Contains(more(version), "-ftrivial-auto-var-init=pattern") {
		t.Skipf("%s leaves them as they are", version)
	}
	p := params{out: upload(t, d, make([]uint32, 64)), mode: 25}
	f := d.function(t, "faults.cu", "faults")
	check(t, d.Launch(driver.Launch{Function: f, Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{64, 1, 1}, Params: p.bytes()}, d.stream))
	for i, v := range download[uint32](t, d, p.out, 64) {
		if v != 0xfefefefe && v != 0xaaaaaaaa {
			t.Fatalf("thread %d reads %#x", i, v)
		}
	}
}

func TestGCCMajor(t *testing.T) {
	for version, want := range map[string]int{
		"g++ (Debian 12.2.0-14+deb12u1) 12.2.0":         12,
		"g++ (GCC) 13.2.1 20230801 (Red Hat 13.2.1-6)":  13,
		"g++-14 (Homebrew GCC 14.1.0) 14.1.0":           14,
		"Apple clang version 15.0.0 (clang-1500.3.9.4)": 0,
		"Debian clang version 14.0.6":                   0,
		"g++ (Ubuntu 9.4.0-1ubuntu1~20.04.2) 9.4.0":     9,
	} {
		if got := gccMajor(version); got != want {
			t.Errorf("%s: %d, want %d", version, got, want)
		}
	}
}

// TestGoFaults: a fault of Go's own code is still a panic.
func TestGoFaults(t *testing.T) {
	d := open(t, Options{})
	d.function(t, "faults.cu", "faults") // the handler is there
	defer func() {
		if recover() == nil {
			t.Error("a nil pointer was read without a panic")
		}
	}()
	d = nil
	_ = d.stream
}
