// Package lab checks and times the kernels, each against its own floor.
//
// # A case
//
// A case is one kernel at one shape: operands drawn anew, a plain reference
// (package reference), and the least that a device must do for it: bytes that
// pass through its memory, each input read and each output written once, and
// operations of its matrix units. The floor is the longer of
//
//	bytes / copy bandwidth      operations / matrix rate
//
// both measured on the same device (Ceilings).
//
// # Check
//
// Outputs are poisoned before the kernel runs. Then ||out - ref|| / ||ref|| is
// compared with the case's bound; what is still poisoned, or not finite, never
// passes. Of large outputs a random sample of rows is compared.
//
// # Time
//
// A launch is measured in a captured graph of many, between two events, on
// operands that take turns: so many sets of them that they exceed three times
// the second cache, but at most 512. What is smaller is bound by its launches,
// and finds its operands in that cache in the engine too. The median over the
// replays counts.
//
// # Versions
//
// The first version of a case is the one in package kernels. Candidates are
// other sources (folder candidates), other macros, or other sizes of blocks of
// it, each with what it is thought to gain. One is promoted, which means that it
// changes places with the first, when it passes the check and its median is the
// shorter by more than the first one's median moves between two runs:
//
//	go test -run Versions ./engine/backend/cuda/internal/lab
//	go test -run - -bench Kernel -benchtime 200ms ./engine/backend/cuda/internal/lab
//	go test -run - -bench Version/rms_norm -benchtime 200ms -count 2 ./engine/backend/cuda/internal/lab
//
// The first checks all versions, the second times what is in use, the third also
// the candidates of a kernel.
//
// The benchmarks want a GPU; the checks run on the host too, at small shapes.
package lab
