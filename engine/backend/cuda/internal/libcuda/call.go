//go:build linux && !android && (amd64 || arm64)

package libcuda

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"

	"tierlab/engine/backend/cuda/internal/driver"
)

// What the driver returns, of enum cudaError_enum.
const (
	invalidValue         = 1
	outOfMemory          = 2
	stubLibrary          = 34
	noDevice             = 100
	primaryContextActive = 708
	notSupported         = 801
	systemDriverMismatch = 803
	unknown              = 999
)

// call calls a function of the driver, whose result is an int of 32 bits in a
// register of 64. Pointers are converted in its argument list: see the package
// comment.
//
//go:uintptrescapes
func (d *Driver) call(s *symbol, args ...uintptr) error {
	r, _, _ := purego.SyscallN(s.address, args...)
	if int32(r) != 0 {
		return d.failed(s.name, int32(r))
	}
	return nil
}

// frame is what a call of a step needs on the heap: its arguments and the array
// that cuLaunchKernel is given. Frames are pooled, for the arguments of a variadic
// function marked go:uintptrescapes are allocated anew each time.
type frame struct {
	args   [11]uintptr
	params [1]unsafe.Pointer
}

// quick is call without an allocation, for functions of up to four arguments.
// C ignores those that are too many.
//
//go:uintptrescapes
func (d *Driver) quick(s *symbol, a, b, c, e uintptr) error {
	f := d.frames.Get().(*frame)
	f.args[0], f.args[1], f.args[2], f.args[3] = a, b, c, e
	r, _, _ := purego.SyscallN(s.address, f.args[:4]...)
	d.frames.Put(f)
	if int32(r) != 0 {
		return d.failed(s.name, int32(r))
	}
	return nil
}

func (d *Driver) failed(call string, code int32) error {
	name := d.text(&d.getErrorName, code)
	if name == "" {
		name = fmt.Sprintf("CUDA_ERROR_%d", code)
	}
	return &driver.Error{Call: call, Code: int(code), Name: name, Text: d.text(&d.getErrorString, code)}
}

// text is what the driver says of a code, "" for one that it does not know.
func (d *Driver) text(of *symbol, code int32) string {
	var p *byte
	if r, _, _ := purego.SyscallN(of.address, uintptr(code), uintptr(unsafe.Pointer(&p))); int32(r) != 0 || p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}

// explain adds to an error of cuInit what to do about it.
func (d *Driver) explain(err error) error {
	advice := map[int]string{
		noDevice:             "no GPU is visible: look at nvidia-smi and CUDA_VISIBLE_DEVICES; a container needs --gpus all",
		systemDriverMismatch: "the library and the loaded kernel module are of different versions: restart the machine, or reload the module",
		stubLibrary:          "this library is the one that the CUDA toolkit links against in place of a driver: take its folder out of LD_LIBRARY_PATH",
		unknown:              "the kernel module answers with no known error: look at dmesg, /dev/nvidia-uvm and nvidia-smi",
	}
	e := asError(err)
	if e == nil || advice[e.Code] == "" {
		return fmt.Errorf("%s: %w", d.path, err)
	}
	return fmt.Errorf("%s: %w; %s", d.path, err, advice[e.Code])
}

func asError(err error) *driver.Error {
	var e *driver.Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

func hasCode(err error, code int) bool {
	e := asError(err)
	return e != nil && e.Code == code
}
