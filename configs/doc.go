// Package configs holds the YAML that ships inside the binary: topologies and
// the catalogues that they refer to, and profiles of workloads.
// reference/topology and workloads/generate say what the files may contain.
package configs
