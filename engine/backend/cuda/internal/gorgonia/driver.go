//go:build gorgonia_cu

package gorgonia

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"gorgonia.org/cu"

	"tierlab/engine/backend/cuda/internal/driver"
)

const leastVersion = 12000

const outOfMemory = 2

type cuDriver struct{}

// New is the driver that the program is linked to.
func New() (driver.Driver, error) {
	version := cu.Version()
	if version < leastVersion {
		return nil, fmt.Errorf("the CUDA driver is of CUDA %s, and this program needs 12.0 or newer: install NVIDIA's driver 525.60 or newer", driver.Release(version))
	}
	return cuDriver{}, nil
}

// Name is "gorgonia".
func (cuDriver) Name() string { return "gorgonia" }

// Version is the newest CUDA that the driver serves.
func (cuDriver) Version() (int, error) { return cu.Version(), nil }

// Devices are those that CUDA_VISIBLE_DEVICES leaves.
func (cuDriver) Devices() ([]driver.Device, error) {
	n, err := cu.NumDevices()
	if err != nil {
		return nil, named("cuDeviceGetCount", err)
	}
	all := make([]driver.Device, n)
	for i := range all {
		if _, all[i], err = describe(i); err != nil {
			return nil, fmt.Errorf("device %d: %w", i, err)
		}
	}
	return all, nil
}

// maxSharedOptin is CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, which
// cu has no name for.
const maxSharedOptin = cu.DeviceAttribute(97)

func describe(ordinal int) (cu.Device, driver.Device, error) {
	v := driver.Device{Ordinal: ordinal}
	d, err := cu.GetDevice(ordinal)
	if err != nil {
		return d, v, named("cuDeviceGet", err)
	}
	if v.Name, err = d.Name(); err != nil {
		return d, v, named("cuDeviceGetName", err)
	}
	if v.MemoryBytes, err = d.TotalMem(); err != nil {
		return d, v, named("cuDeviceTotalMem_v2", err)
	}
	id, err := d.UUID()
	if err != nil {
		return d, v, named("cuDeviceGetUuid", err)
	}
	var domain, bus, slot int
	for _, a := range []struct {
		to   *int
		code cu.DeviceAttribute
	}{
		{&v.Major, cu.ComputeCapabilityMajor}, {&v.Minor, cu.ComputeCapabilityMinor}, {&v.SMs, cu.MultiprocessorCount},
		{&v.WarpSize, cu.WarpSize}, {&v.ClockKHz, cu.ClockRate}, {&v.MemoryKHz, cu.MemoryClockRate},
		{&v.BusBits, cu.GlobalMemoryBusWidth}, {&v.L2Bytes, cu.L2CacheSize}, {&v.SharedPerBlock, cu.MaxSharedMemoryPerBlock},
		{&v.SharedOptin, maxSharedOptin}, {&v.SharedPerSM, cu.MaxSharedMemoryPerMultiprocessor},
		{&v.RegistersPerSM, cu.MaxRegistersPerMultiprocessor}, {&v.ThreadsPerSM, cu.MaxThreadsPerMultiprocessor},
		{&domain, cu.PciDomainID}, {&bus, cu.PciBusID}, {&slot, cu.PciDeviceID},
	} {
		if *a.to, err = d.Attribute(a.code); err != nil {
			return d, v, named("cuDeviceGetAttribute", err)
		}
	}
	v.UUID, v.PCI = "GPU-"+id.String(), fmt.Sprintf("%04x:%02x:%02x.0", domain, bus, slot)
	return d, v, nil
}

// Open retains the primary context of a device.
func (cuDriver) Open(ordinal int) (driver.Context, error) {
	d, described, err := describe(ordinal)
	if err != nil {
		return nil, fmt.Errorf("device %d: %w", ordinal, err)
	}
	if err := named("cuDevicePrimaryCtxSetFlags_v2", d.SetPrimaryCtxFlags(cu.SchedBlockingSync)); err != nil {
		return nil, fmt.Errorf("%s: %w", described.Name, err)
	}
	primary, err := d.RetainPrimaryCtx()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", described.Name, named("cuDevicePrimaryCtxRetain", err))
	}
	c := newContext(d, described, primary)
	return c, c.Bind()
}

// named makes cu's error the driver's: cu tells the code as an integer of a type
// it does not export, whose text is the constant's name in Go's case.
func named(call string, err error) error {
	if err == nil {
		return nil
	}
	v := reflect.ValueOf(err)
	if v.Kind() != reflect.Int {
		return fmt.Errorf("%s: %w", call, err)
	}
	e := &driver.Error{Call: call, Code: int(v.Int()), Text: "gorgonia.org/cu: " + err.Error()}
	if strings.Contains(err.Error(), ":") {
		e.Name = fmt.Sprintf("CUDA_ERROR_%d", e.Code) // cu has no name for it
		return e
	}
	var name strings.Builder
	for _, r := range err.Error() {
		if unicode.IsUpper(r) {
			name.WriteByte('_')
		}
		name.WriteRune(unicode.ToUpper(r))
	}
	e.Name = "CUDA_ERROR" + name.String()
	return e
}
