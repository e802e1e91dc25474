package cli

import (
	"io"
	"os"
)

// Stdio is what a command talks to.
type Stdio struct {
	In  io.Reader
	Out io.Writer // results
	Err io.Writer // progress and messages
	// Terminal says that Err is a terminal: progress may redraw its line.
	Terminal bool
}

// System is the process's own Stdio.
func System() Stdio {
	return Stdio{
		In:       os.Stdin,
		Out:      os.Stdout,
		Err:      os.Stderr,
		Terminal: isTerminal(os.Stderr) && os.Getenv("TERM") != "dumb",
	}
}

// isTerminal takes a character device for a terminal, except the null device.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
