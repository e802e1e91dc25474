package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeOutput has write fill the named file, or standard output when the name
// is empty or "-". A file appears whole or not at all: it is written beside
// its place and renamed, so that a command may also replace its own input.
func writeOutput(name string, stdio Stdio, write func(io.Writer) error) error {
	if name == "" || name == "-" {
		return buffered(stdio.Out, write)
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return badInputf("cannot write %s: it is a folder; name a file", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err // its path is the temporary file's
		}
		return badInputf("cannot write %s: %w", name, err)
	}
	err = buffered(f, write)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// buffered has write fill a buffer in front of w. When w itself fails, that is
// the error, whatever write makes of it.
func buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, 1<<16)
	err := write(b)
	if failed := b.Flush(); failed != nil {
		return fmt.Errorf("write: %w", failed)
	}
	return err
}
