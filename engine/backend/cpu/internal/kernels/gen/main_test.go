package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestFilesAreCurrent(t *testing.T) {
	for name, want := range files() {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what gen writes: run go generate in engine/backend/cpu/internal/kernels", name)
		}
	}
}

// The encodings as LLVM's assembler gives them, which leaves out a displacement
// of zero.
func TestEncodings(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want []byte
	}{
		{"vdpbf16ps zmm0, zmm20, zmm16", vdpbf16ps(0, 20, 16), []byte{0x62, 0xb2, 0x5e, 0x40, 0x52, 0xc0}},
		{"vdpbf16ps zmm27, zmm3, zmm31", vdpbf16ps(27, 3, 31), []byte{0x62, 0x02, 0x66, 0x48, 0x52, 0xdf}},
		{"tdpbf16ps tmm3, tmm5, tmm7", tdpbf16ps(3, 5, 7), []byte{0xc4, 0xe2, 0x42, 0x5c, 0xdd}},
		{"tileloadd tmm5, [r14+rax+0]", tileMemory(3, 5, regR14, regAX), []byte{0xc4, 0xc2, 0x7b, 0x4b, 0x6c, 0x06, 0}},
		{"tilestored [r14+rcx+0], tmm3", tileMemory(2, 3, regR14, regCX), []byte{0xc4, 0xc2, 0x7a, 0x4b, 0x5c, 0x0e, 0}},
		{"tilezero tmm2", vex(3, 0x49, 0xc0|2<<3), []byte{0xc4, 0xe2, 0x7b, 0x49, 0xd0}},
		{"ldtilecfg [rdi+112]", vex(0, 0x49, 0x40|regDI, 112), []byte{0xc4, 0xe2, 0x78, 0x49, 0x47, 0x70}},
		{"tilerelease", vex(0, 0x49, 0xc0), []byte{0xc4, 0xe2, 0x78, 0x49, 0xc0}},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%s: % x, want % x", c.name, c.got, c.want)
		}
	}
}
