//go:build !linux

package fake

// thread is the same for all threads where they cannot be told apart.
func thread() int { return 0 }
