package confine

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// verdict is what the kernel does with a call.
type verdict uint32

const (
	permit verdict = unix.SECCOMP_RET_ALLOW
	end    verdict = unix.SECCOMP_RET_KILL_PROCESS
)

func refuse(e unix.Errno) verdict { return verdict(unix.SECCOMP_RET_ERRNO | uint32(e)) }

// rule gives one system call's verdict: then, where every test of its arguments
// holds, and otherwise.
type rule struct {
	call            uintptr
	when            []test
	then, otherwise verdict
}

// test holds where an argument's masked low half is one of the values, or with
// not set none of them. No call of the list reads the upper half of an argument
// that is tested.
type test struct {
	arg    uint32
	mask   uint32
	values []uint32
	not    bool
}

// Offsets into the kernel's struct seccomp_data; both architectures here are
// little endian.
const (
	offsetCall = 0
	offsetArch = 4
	offsetArgs = 16
)

// assembleFilter writes the rules one after the other behind the check of the
// architecture: calls of the 32-bit and of the x32 interface have other numbers
// for other things. A call that no rule names ends the process.
func assembleFilter(rules []rule) ([]unix.SockFilter, error) {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		bpf.RetConstant{Val: uint32(end)},
		bpf.LoadAbsolute{Off: offsetCall, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32Bit, SkipTrue: 1},
		bpf.RetConstant{Val: uint32(end)},
	}
	for _, r := range rules {
		body := r.body()
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(r.call), SkipFalse: uint8(len(body))})
		program = append(program, body...)
	}
	program = append(program, bpf.RetConstant{Val: uint32(end)})
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("the filter does not assemble: %w", err)
	}
	out := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		out[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return out, nil
}

// x32Bit marks calls of amd64's x32 interface; no other call has so high a
// number.
const x32Bit = 0x40000000

func (r *rule) body() (body []bpf.Instruction) {
	for _, t := range r.when {
		body = append(body,
			bpf.LoadAbsolute{Off: offsetArgs + 8*t.arg, Size: 4},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: t.mask})
		fails := bpf.RetConstant{Val: uint32(r.otherwise)}
		for i, v := range t.values {
			left := uint8(len(t.values) - 1 - i)
			if t.not { // the return follows the last comparison: a match falls into it
				body = append(body, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: v, SkipTrue: 1}, fails)
				continue
			}
			body = append(body, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: left + 1})
		}
		if !t.not {
			body = append(body, fails)
		}
	}
	return append(body, bpf.RetConstant{Val: uint32(r.then)})
}
