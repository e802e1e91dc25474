package configs

import "embed"

// Profiles holds profiles/*.yaml, the populations of sessions that
// workloads/generate draws from.
//
//go:embed profiles/*.yaml profiles/mixes/*.yaml
var Profiles embed.FS
