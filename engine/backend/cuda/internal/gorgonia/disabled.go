//go:build !gorgonia_cu

package gorgonia

import (
	"errors"

	"tierlab/engine/backend/cuda/internal/driver"
)

// New fails: this program is built without the tag.
func New() (driver.Driver, error) {
	return nil, errors.New("this program is built without gorgonia.org/cu: build it with -tags gorgonia_cu, cgo and the headers of CUDA 12")
}
