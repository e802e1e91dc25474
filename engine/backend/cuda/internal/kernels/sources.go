package kernels

import "embed"

// Sources are the kernels (*.cu) and what they include (*.cuh).
//
//go:embed *.cu *.cuh
var Sources embed.FS
