// Package configs holds the YAML that ships inside the binary: topologies and
// the catalogues that they refer to, price books, and profiles of workloads.
// reference/topology, reference/ledger and workloads/generate say what the files
// may contain.
package configs
