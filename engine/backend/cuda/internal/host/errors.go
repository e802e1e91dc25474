//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"fmt"

	"tierlab/engine/backend/cuda/internal/driver"
)

// code is one of the driver API's results (cuda.h, enum CUresult).
type code struct {
	number int
	name   string
}

var (
	invalidValue       = code{1, "CUDA_ERROR_INVALID_VALUE"}
	invalidDevice      = code{101, "CUDA_ERROR_INVALID_DEVICE"}
	invalidImage       = code{200, "CUDA_ERROR_INVALID_IMAGE"}
	invalidHandle      = code{400, "CUDA_ERROR_INVALID_HANDLE"}
	notFound           = code{500, "CUDA_ERROR_NOT_FOUND"}
	launchFailed       = code{719, "CUDA_ERROR_LAUNCH_FAILED"}
	captureUnsupported = code{900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"}
	captureInvalidated = code{901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"}
	updateFailure      = code{910, "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE"}
)

func fail(call string, c code, text string) error {
	return &driver.Error{Call: call, Code: c.number, Name: c.name, Text: text}
}

func noHandle(call, kind string, handle uintptr) error {
	return fail(call, invalidHandle, fmt.Sprintf("there is no %s %d", kind, handle))
}
