//go:build linux && !android && (amd64 || arm64)

package libcuda

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"tierlab/engine/backend/cuda/internal/driver"
)

// Of enum CUdevice_attribute_enum.
const (
	maxSharedPerBlock   = 8
	warpSize            = 10
	clockRate           = 13
	multiprocessors     = 16
	memoryClockRate     = 36
	memoryBusWidth      = 37
	l2CacheSize         = 38
	maxThreadsPerSM     = 39
	capabilityMajor     = 75
	capabilityMinor     = 76
	maxSharedPerSM      = 81
	maxRegistersPerSM   = 82
	maxSharedOptin      = 97
	contextBlockingSync = 0x04 // CU_CTX_SCHED_BLOCKING_SYNC
)

// Devices are those that CUDA_VISIBLE_DEVICES leaves.
func (d *Driver) Devices() ([]driver.Device, error) {
	var n int32
	if err := d.call(&d.deviceGetCount, uintptr(unsafe.Pointer(&n))); err != nil {
		return nil, err
	}
	all := make([]driver.Device, n)
	for i := range all {
		handle, err := d.handle(i)
		if err != nil {
			return nil, err
		}
		if all[i], err = d.describe(i, handle); err != nil {
			return nil, fmt.Errorf("device %d: %w", i, err)
		}
	}
	return all, nil
}

func (d *Driver) handle(ordinal int) (int32, error) {
	var handle int32
	err := d.call(&d.deviceGet, uintptr(unsafe.Pointer(&handle)), uintptr(ordinal))
	return handle, err
}

func (d *Driver) describe(ordinal int, handle int32) (driver.Device, error) {
	v := driver.Device{Ordinal: ordinal}
	name, pci := make([]byte, 256), make([]byte, 32)
	var bytes uint64
	var id [16]byte
	if err := d.call(&d.deviceGetName, uintptr(unsafe.Pointer(&name[0])), uintptr(len(name)), uintptr(handle)); err != nil {
		return v, err
	}
	if err := d.call(&d.deviceTotalMem, uintptr(unsafe.Pointer(&bytes)), uintptr(handle)); err != nil {
		return v, err
	}
	if err := d.call(&d.deviceGetUUID, uintptr(unsafe.Pointer(&id)), uintptr(handle)); err != nil {
		return v, err
	}
	if err := d.call(&d.deviceGetPCIBusID, uintptr(unsafe.Pointer(&pci[0])), uintptr(len(pci)), uintptr(handle)); err != nil {
		return v, err
	}
	v.Name, v.PCI, v.MemoryBytes = text(name), strings.ToLower(text(pci)), int64(bytes)
	v.UUID = fmt.Sprintf("GPU-%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
	for _, a := range []struct {
		to   *int
		code int
	}{
		{&v.Major, capabilityMajor}, {&v.Minor, capabilityMinor}, {&v.SMs, multiprocessors}, {&v.WarpSize, warpSize},
		{&v.ClockKHz, clockRate}, {&v.MemoryKHz, memoryClockRate}, {&v.BusBits, memoryBusWidth}, {&v.L2Bytes, l2CacheSize},
		{&v.SharedPerBlock, maxSharedPerBlock}, {&v.SharedOptin, maxSharedOptin}, {&v.SharedPerSM, maxSharedPerSM},
		{&v.RegistersPerSM, maxRegistersPerSM}, {&v.ThreadsPerSM, maxThreadsPerSM},
	} {
		var value int32
		err := d.call(&d.deviceGetAttribute, uintptr(unsafe.Pointer(&value)), uintptr(a.code), uintptr(handle))
		if err != nil && a.code != clockRate && a.code != memoryClockRate && a.code != memoryBusWidth {
			return v, err // those tell how fast the device is: 0 where a virtual machine hides it
		}
		*a.to = int(value)
	}
	return v, nil
}

// text is a C string in a buffer.
func text(buffer []byte) string {
	s, _, _ := strings.Cut(string(buffer), "\x00")
	return s
}

// Open retains the primary context of a device. Its waits block: a context that
// this process has active already keeps the way it was made with.
func (d *Driver) Open(ordinal int) (driver.Context, error) {
	handle, err := d.handle(ordinal)
	if err != nil {
		return nil, fmt.Errorf("device %d: %w", ordinal, err)
	}
	described, err := d.describe(ordinal, handle)
	if err != nil {
		return nil, fmt.Errorf("device %d: %w", ordinal, err)
	}
	if err := d.call(&d.primarySetFlags, uintptr(handle), contextBlockingSync); err != nil && !hasCode(err, primaryContextActive) {
		return nil, fmt.Errorf("%s: %w", described.Name, err)
	}
	c := newContext(d, described, handle)
	if err := d.call(&d.primaryRetain, uintptr(unsafe.Pointer(&c.handle)), uintptr(handle)); err != nil {
		return nil, fmt.Errorf("%s: %w", described.Name, err)
	}
	if err := c.Bind(); err != nil {
		return nil, fmt.Errorf("%s: %w", described.Name, errors.Join(err, d.call(&d.primaryRelease, uintptr(handle))))
	}
	return c, nil
}
