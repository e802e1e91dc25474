//go:build linux && !android && (amd64 || arm64)

package libcuda

import (
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"tierlab/engine/backend/cuda/internal/driver"
)

// leastVersion is the oldest driver served, 1000 x major + 10 x minor.
const leastVersion = 12000

// symbol is a function of the library; its address is 0 if the library lacks it.
type symbol struct {
	name    string
	address uintptr
}

// Driver is the CUDA driver of this process.
type Driver struct {
	path    string
	version int
	frames  sync.Pool // of *frame

	driverGetVersion, getErrorName, getErrorString symbol

	initialize                                               symbol
	deviceGetCount, deviceGet, deviceGetName                 symbol
	deviceTotalMem, deviceGetUUID                            symbol
	deviceGetPCIBusID, deviceGetAttribute                    symbol
	primaryRetain, primaryRelease, primarySetFlags           symbol
	ctxSetCurrent, ctxGetCurrent, ctxSynchronize             symbol
	memGetInfo, memAlloc, memFree, memHostAlloc, memFreeHost symbol
	copyIn, copyOut, copyWithin, memset                      symbol
	streamCreate, streamDestroy, streamSynchronize           symbol
	streamWaitEvent, streamBeginCapture, streamEndCapture    symbol
	eventCreate, eventDestroy, eventRecord                   symbol
	eventSynchronize, eventElapsedTime                       symbol
	moduleLoadData, moduleUnload, moduleGetFunction          symbol
	funcGetAttribute, funcSetAttribute, occupancy            symbol
	funcLoad, funcGetParamInfo                               symbol // optional
	launchKernel                                             symbol
	graphInstantiate, graphExecUpdate, graphLaunch           symbol
	graphExecDestroy, graphDestroy                           symbol
}

var _ driver.Driver = (*Driver)(nil)

// binding says which names a symbol may have, best first.
type binding struct {
	to    *symbol
	names []string
}

func need(to *symbol, names ...string) binding { return binding{to, names} }

func (d *Driver) required() []binding {
	return []binding{
		need(&d.initialize, "cuInit"),
		need(&d.deviceGetCount, "cuDeviceGetCount"),
		need(&d.deviceGet, "cuDeviceGet"),
		need(&d.deviceGetName, "cuDeviceGetName"),
		need(&d.deviceTotalMem, "cuDeviceTotalMem_v2"),
		need(&d.deviceGetUUID, "cuDeviceGetUuid_v2", "cuDeviceGetUuid"),
		need(&d.deviceGetPCIBusID, "cuDeviceGetPCIBusId"),
		need(&d.deviceGetAttribute, "cuDeviceGetAttribute"),
		need(&d.primaryRetain, "cuDevicePrimaryCtxRetain"),
		need(&d.primaryRelease, "cuDevicePrimaryCtxRelease_v2"),
		need(&d.primarySetFlags, "cuDevicePrimaryCtxSetFlags_v2"),
		need(&d.ctxSetCurrent, "cuCtxSetCurrent"),
		need(&d.ctxGetCurrent, "cuCtxGetCurrent"),
		need(&d.ctxSynchronize, "cuCtxSynchronize"),
		need(&d.memGetInfo, "cuMemGetInfo_v2"),
		need(&d.memAlloc, "cuMemAlloc_v2"),
		need(&d.memFree, "cuMemFree_v2"),
		need(&d.memHostAlloc, "cuMemHostAlloc"),
		need(&d.memFreeHost, "cuMemFreeHost"),
		need(&d.copyIn, "cuMemcpyHtoDAsync_v2"),
		need(&d.copyOut, "cuMemcpyDtoHAsync_v2"),
		need(&d.copyWithin, "cuMemcpyDtoDAsync_v2"),
		need(&d.memset, "cuMemsetD8Async"),
		need(&d.streamCreate, "cuStreamCreate"),
		need(&d.streamDestroy, "cuStreamDestroy_v2"),
		need(&d.streamSynchronize, "cuStreamSynchronize"),
		need(&d.streamWaitEvent, "cuStreamWaitEvent"),
		need(&d.streamBeginCapture, "cuStreamBeginCapture_v2"),
		need(&d.streamEndCapture, "cuStreamEndCapture"),
		need(&d.eventCreate, "cuEventCreate"),
		need(&d.eventDestroy, "cuEventDestroy_v2"),
		need(&d.eventRecord, "cuEventRecord"),
		need(&d.eventSynchronize, "cuEventSynchronize"),
		need(&d.eventElapsedTime, "cuEventElapsedTime_v2", "cuEventElapsedTime"),
		need(&d.moduleLoadData, "cuModuleLoadData"),
		need(&d.moduleUnload, "cuModuleUnload"),
		need(&d.moduleGetFunction, "cuModuleGetFunction"),
		need(&d.funcGetAttribute, "cuFuncGetAttribute"),
		need(&d.funcSetAttribute, "cuFuncSetAttribute"),
		need(&d.occupancy, "cuOccupancyMaxActiveBlocksPerMultiprocessor"),
		need(&d.launchKernel, "cuLaunchKernel"),
		need(&d.graphInstantiate, "cuGraphInstantiateWithFlags"),
		need(&d.graphExecUpdate, "cuGraphExecUpdate_v2"),
		need(&d.graphLaunch, "cuGraphLaunch"),
		need(&d.graphExecDestroy, "cuGraphExecDestroy"),
		need(&d.graphDestroy, "cuGraphDestroy"),
	}
}

// bind finds the symbols, checks the version and initialises the library.
func bind(handle uintptr) (*Driver, error) {
	d := &Driver{}
	d.frames.New = func() any { return new(frame) }
	errors := []binding{
		need(&d.driverGetVersion, "cuDriverGetVersion"), need(&d.getErrorName, "cuGetErrorName"), need(&d.getErrorString, "cuGetErrorString"),
	}
	if missing := resolve(handle, errors); missing != "" {
		return nil, fmt.Errorf("%s is no CUDA driver: it lacks %s", soname, missing)
	}
	d.path = fileAt(d.driverGetVersion.address)
	var version int32
	if err := d.call(&d.driverGetVersion, uintptr(unsafe.Pointer(&version))); err != nil {
		return nil, err
	}
	d.version = int(version)
	if d.version < leastVersion {
		return nil, fmt.Errorf("the CUDA driver %s is of CUDA %s, and this program needs %s or newer: install NVIDIA's driver 525.60 or newer", d.path, driver.Release(d.version), driver.Release(leastVersion))
	}
	if missing := resolve(handle, d.required()); missing != "" {
		return nil, fmt.Errorf("the CUDA driver %s calls itself CUDA %s but lacks %s: reinstall NVIDIA's driver", d.path, driver.Release(d.version), missing)
	}
	resolve(handle, []binding{need(&d.funcLoad, "cuFuncLoad"), need(&d.funcGetParamInfo, "cuFuncGetParamInfo")})
	if err := d.call(&d.initialize, 0); err != nil {
		return nil, d.explain(err)
	}
	return d, nil
}

// resolve looks the names up, and says which symbols have none.
func resolve(handle uintptr, all []binding) string {
	var missing []string
	for _, b := range all {
		for _, name := range b.names {
			if address, err := purego.Dlsym(handle, name); err == nil {
				*b.to = symbol{name: name, address: address}
				break
			}
		}
		if b.to.address == 0 {
			missing = append(missing, b.names[0])
		}
	}
	return strings.Join(missing, ", ")
}

// Name is "libcuda".
func (d *Driver) Name() string { return "libcuda" }

// Version is the newest CUDA that the driver serves.
func (d *Driver) Version() (int, error) { return d.version, nil }

// Path is the library's file, "" if it cannot be told.
func (d *Driver) Path() string { return d.path }
