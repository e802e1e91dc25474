// Package telemetry watches NVIDIA's devices through NVML while something is
// measured: power, energy, clocks, memory, utilization, temperature, and why
// clocks were held back.
//
//	r := telemetry.Start(ctx, 100*time.Millisecond)
//	... the measurement ...
//	report := r.Stop()
//
// All devices of the machine are read, whoever computes on them. One goroutine
// reads them at every tick, at the start and at the end.
//
// What a device does not tell has no value in its Device, and NotSupported has
// NVML's words for it; the rest is recorded all the same. Without NVML (no
// driver, a system other than Linux, a build without cgo) the report has no
// devices, and Absent says why in a line.
//
// Power is what nvmlDeviceGetPowerUsage returns, on Ampere (but for the A100)
// and later an average over one second. Energy is the difference of the device's
// counter (nvmlDeviceGetTotalEnergyConsumption, in mJ), or, without a counter, the
// integral of power over time by the trapezoid rule; EnergySource says which.
// Utilization is the share of time in which any kernel ran, which says nothing
// about how much of the device it used. (NVML API reference, device queries.)
package telemetry
