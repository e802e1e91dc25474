//go:build !race

package confine

const measured = false
