//go:build race

package confine

// measured says that the race detector keeps several times a program's memory
// beside it: a limit made for the program would end it.
const measured = true
