// Package configs holds the YAML that ships inside the binary: topologies and
// the catalogues that they refer to. reference/topology says what the files
// may contain.
package configs

import "embed"

// FS holds the catalogues at its root and the topologies under topologies/.
//
//go:embed *.yaml *.csv topologies
var FS embed.FS
