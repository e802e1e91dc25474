package pebblestore

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"tierlab/reference/journal"
)

const (
	format       = 1                          // of a folder, as doc.go describes it
	pebbleFormat = pebble.FormatWALSyncChunks // of Pebble's files in it
	formatFile   = "FORMAT"
	dataFolder   = "data"
	magic        = "tierlab journal "
)

// prepareFolder makes sure that a folder is a journal's that this program can
// read, and makes one where there is nothing. It changes no folder of others.
func prepareFolder(base vfs.FS, dir string, readOnly bool) (markKey, error) {
	names, err := base.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return markKey{}, fmt.Errorf("journal: folder %s cannot be read: %w", dir, err)
	}
	name := base.PathJoin(dir, formatFile)
	text, err := readFile(base, name)
	if err == nil {
		return checkFormat(dir, text)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return markKey{}, fmt.Errorf("journal: %s cannot be read: %w", name, err)
	}
	for _, n := range names {
		if n != formatFile+".new" && n != dataFolder { // left by a process that ended while it made the folder
			return markKey{}, fmt.Errorf("journal: folder %s holds %s and is no journal's: name another, or an empty one", dir, n)
		}
	}
	if readOnly {
		return markKey{}, fmt.Errorf("journal: folder %s holds no journals, and reading makes none: %w", dir, fs.ErrNotExist)
	}
	var key markKey
	if _, err := rand.Read(key[:]); err != nil {
		return markKey{}, err
	}
	if err := makeFolder(base, dir, name, key); err != nil {
		return markKey{}, fmt.Errorf("journal: folder %s cannot be made: %w", dir, err)
	}
	return key, nil
}

// checkFormat reads the folder's format file: a line with the format, and one
// with the key of its logs' marks.
func checkFormat(dir, text string) (key markKey, err error) {
	first, rest, _ := strings.Cut(text, "\n")
	number, ok := strings.CutPrefix(first, magic)
	n, err := strconv.Atoi(number)
	if ok && err == nil && n > format {
		return key, &journal.VersionError{Where: dir, Found: n, Newest: format}
	}
	mark, marked := strings.CutPrefix(strings.TrimSpace(rest), "marks ")
	b, err2 := hex.DecodeString(mark)
	if !ok || err != nil || n < 1 || !marked || err2 != nil || len(b) != len(key) {
		return key, fmt.Errorf("journal: folder %s: its file %s says %.60q, and a journal's says %q and, in a second line, %q",
			dir, formatFile, text, magic+strconv.Itoa(format), "marks and 16 hexadecimal digits")
	}
	return markKey(b), nil
}

// makeFolder writes the format file last, so that a folder with one is whole.
func makeFolder(base vfs.FS, dir, name string, key markKey) error {
	if err := base.MkdirAll(base.PathJoin(dir, dataFolder), 0o755); err != nil {
		return err
	}
	f, err := base.Create(name+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(fmt.Appendf(nil, "%s%d\nmarks %x\n", magic, format, key))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := base.Rename(name+".new", name); err != nil {
		return err
	}
	for _, d := range []string{dir, base.PathDir(dir)} {
		f, err := base.OpenDir(d)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func readFile(base vfs.FS, name string) (string, error) {
	f, err := base.Open(name)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	_, err = io.Copy(&b, io.LimitReader(f, 1<<10))
	return b.String(), errors.Join(err, f.Close())
}
