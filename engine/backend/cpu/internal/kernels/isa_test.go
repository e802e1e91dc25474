package kernels

import (
	"fmt"
	"slices"
	"testing"
)

func TestParseISA(t *testing.T) {
	for i := range isaNames {
		if got, err := ParseISA(fmt.Sprint(ISA(i))); err != nil || got != ISA(i) {
			t.Errorf("%s: %v, %v", ISA(i), got, err)
		}
	}
	if _, err := ParseISA("sse2"); err == nil {
		t.Error("sse2: no error")
	}
}

func TestISAs(t *testing.T) {
	for _, c := range []struct {
		f         Features
		f32, bf16 []ISA
	}{
		{Features{}, []ISA{Portable}, []ISA{Portable}},
		{Features{AVX512: true}, []ISA{Portable, AVX512}, []ISA{Portable, AVX512}},
		{Features{AVX512: true, AVX512BF16: true}, []ISA{Portable, AVX512}, []ISA{Portable, AVX512, AVX512BF16}},
		{Features{true, true, true}, []ISA{Portable, AVX512}, []ISA{Portable, AVX512, AVX512BF16, AMX}},
	} {
		if got := c.f.ISAs(F32); !slices.Equal(got, c.f32) || c.f.Best(F32) != got[len(got)-1] {
			t.Errorf("%+v has %v for f32, want %v", c.f, got, c.f32)
		}
		if got := c.f.ISAs(BF16); !slices.Equal(got, c.bf16) || c.f.Best(BF16) != got[len(got)-1] {
			t.Errorf("%+v has %v for bf16, want %v", c.f, got, c.bf16)
		}
	}
	if _, err := New(F32, AMX); err == nil {
		t.Error("f32 on amx: no error")
	}
}

func TestNewKVRefuses(t *testing.T) {
	k, err := New(F32, Portable)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][5]int{{0, 1, 32, 1, 16}, {1, 0, 32, 1, 16}, {1, 1, 16, 1, 16}, {1, 1, 288, 1, 16}, {1, 1, 32, 0, 16}, {1, 1, 32, 1, 24}} {
		if m, err := k.NewKV(c[0], c[1], c[2], c[3], c[4]); err == nil {
			t.Errorf("%v: no error", c)
			m.Close()
		}
	}
	m, err := k.NewKV(3, 5, 64, 2, 48)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if got, want := 5*k.KVBlockBytes(3, 64, 2, 48), m.Bytes(); got != want {
		t.Errorf("5 blocks of %d bytes, the memory has %d", got/5, want)
	}
}
