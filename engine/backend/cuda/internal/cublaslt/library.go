package cublaslt

import (
	"fmt"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/dynlib"
)

// Variable names a file or a folder to take the library from.
const Variable = "TIERLAB_CUBLASLT"

// Library is an open libcublasLt. It stays open: a process has it once.
type Library struct {
	path    string
	version int
	fn      functions
}

// functions are the library's, by their names without "cublasLt". Pointers to
// opaque structs are uintptr, and so are addresses of the device.
type functions struct {
	getVersion    func() uintptr
	getStatusName func(status int32) string
	getStatusText func(status int32) string
	create        func(handle *uintptr) int32
	destroy       func(handle uintptr) int32

	descCreate  func(desc *uintptr, compute, scale int32) int32
	descDestroy func(desc uintptr) int32
	descSet     func(desc uintptr, attribute int32, value unsafe.Pointer, size uintptr) int32

	layoutCreate  func(layout *uintptr, kind int32, rows, columns uint64, stride int64) int32
	layoutDestroy func(layout uintptr) int32

	preferenceCreate  func(preference *uintptr) int32
	preferenceDestroy func(preference uintptr) int32
	preferenceSet     func(preference uintptr, attribute int32, value unsafe.Pointer, size uintptr) int32

	heuristic func(handle, desc, a, b, c, d, preference uintptr, asked int32, results *heuristicResult, found *int32) int32
	configGet func(algorithm *algorithm, attribute int32, value unsafe.Pointer, size uintptr, written *uintptr) int32
	matmul    func(handle, desc uintptr, alpha *float32, a, aLayout, b, bLayout uintptr, beta *float32, c, cLayout, d, dLayout uintptr,
		algorithm *algorithm, workspace, workspaceBytes, stream uintptr) int32
}

func (f *functions) bind(library uintptr) error {
	for _, b := range []struct {
		name string
		fn   any
	}{
		{"cublasLtGetVersion", &f.getVersion},
		{"cublasLtGetStatusName", &f.getStatusName},
		{"cublasLtGetStatusString", &f.getStatusText},
		{"cublasLtCreate", &f.create},
		{"cublasLtDestroy", &f.destroy},
		{"cublasLtMatmulDescCreate", &f.descCreate},
		{"cublasLtMatmulDescDestroy", &f.descDestroy},
		{"cublasLtMatmulDescSetAttribute", &f.descSet},
		{"cublasLtMatrixLayoutCreate", &f.layoutCreate},
		{"cublasLtMatrixLayoutDestroy", &f.layoutDestroy},
		{"cublasLtMatmulPreferenceCreate", &f.preferenceCreate},
		{"cublasLtMatmulPreferenceDestroy", &f.preferenceDestroy},
		{"cublasLtMatmulPreferenceSetAttribute", &f.preferenceSet},
		{"cublasLtMatmulAlgoGetHeuristic", &f.heuristic},
		{"cublasLtMatmulAlgoConfigGetAttribute", &f.configGet},
		{"cublasLtMatmul", &f.matmul},
	} {
		if err := dynlib.Bind(library, b.name, b.fn); err != nil {
			return err
		}
	}
	return nil
}

// Find opens the newest libcublasLt of this machine; package dynlib says where
// it looks. The error says what was tried and what to install.
func Find() (*Library, error) { return FindFor(0) }

// FindFor prefers a version that a driver for the given CUDA version (1000 x
// major + 10 x minor; 0: any) runs.
func FindFor(driver int) (*Library, error) { return find(dynlib.Search{}, driver) }

func find(s dynlib.Search, driver int) (*Library, error) {
	var l *Library
	err := s.Load(dynlib.Library{
		Stem: "cublasLt", Variable: Variable, Majors: []int{13, 12}, Package: "nvidia-cublas", AtMost: driver / 1000,
	}, func(library uintptr, path string) error {
		found := &Library{path: path}
		if err := found.fn.bind(library); err != nil {
			return err
		}
		found.version = int(found.fn.getVersion())
		l = found
		return nil
	})
	return l, err
}

// Path is the library's file.
func (l *Library) Path() string { return l.path }

// Version is 10000 x major + 100 x minor + patch, as cublasLtGetVersion has it.
func (l *Library) Version() int { return l.version }

// Error is what a call to the library returned.
type Error struct {
	Call string // "cublasLtMatmul"
	Code int
	Name string // "CUBLAS_STATUS_NOT_SUPPORTED"
	Text string // what the library says of it
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s (%d): %s", e.Call, e.Name, e.Code, e.Text)
}

func (l *Library) check(call string, status int32) error {
	if status == 0 {
		return nil
	}
	return &Error{Call: call, Code: int(status), Name: l.fn.getStatusName(status), Text: l.fn.getStatusText(status)}
}
