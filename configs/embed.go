package configs

import "embed"

// FS holds the catalogues at its root and the topologies under topologies/.
//
//go:embed *.yaml *.csv topologies
var FS embed.FS
