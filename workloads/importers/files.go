package importers

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tierlab/workloads"
)

// expand lists the files that paths name: files as they are, folders as the
// files below them with one of the suffixes, in the order of their names.
func expand(paths, suffixes []string) ([]string, error) {
	if len(paths) == 0 {
		return nil, fmt.Errorf("no file or folder to import")
	}
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, err
		case info.Mode().IsRegular():
			files = append(files, path)
			continue
		case !info.IsDir():
			return nil, fmt.Errorf("%s: not a file or folder (an import reads its source twice, so it cannot be a pipe)", path)
		}
		before := len(files)
		err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(p, s) }) {
				files = append(files, p)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(files) == before {
			return nil, fmt.Errorf("%s: no file ending in %s below this folder", path, strings.Join(suffixes, " or "))
		}
	}
	return files, nil
}

// open opens a file, through gzip if its name says so.
func open(file string) (io.ReadCloser, error) {
	f, err := os.Open(file)
	if err != nil || !strings.HasSuffix(file, ".gz") {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}

// eachLine calls do with every line of a file that is not blank, and its
// place for errors. The line is valid during the call only.
func eachLine(file string, do func(line []byte, place string) error) error {
	f, err := open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 1<<16), workloads.MaxLine)
	for n := 1; lines.Scan(); n++ {
		if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 {
			if err := do(line, fmt.Sprintf("%s:%d", file, n)); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// eachRecord decodes every line of a JSON Lines file into a new T.
func eachRecord[T any](file string, do func(rec *T, place string) error) error {
	return eachLine(file, func(line []byte, place string) error {
		rec := new(T)
		if err := json.Unmarshal(line, rec); err != nil {
			return notJSON(place, err)
		}
		return do(rec, place)
	})
}

// isLines says whether a file holds one record a line rather than one in all.
func isLines(file string) bool {
	return strings.HasSuffix(strings.TrimSuffix(file, ".gz"), ".jsonl")
}

// readJSON decodes a file that holds one JSON value.
func readJSON(file string, into any) error {
	f, err := open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return notJSON(file, err)
	}
	return nil
}

// notJSON says where a text is not the JSON expected, and what may be behind
// an early end.
func notJSON(place string, err error) error {
	var bad *json.SyntaxError
	if errors.As(err, &bad) && strings.Contains(bad.Error(), "unexpected end") {
		return fmt.Errorf("%s: %w (the file may be cut off)", place, err)
	}
	return fmt.Errorf("%s: %w", place, err)
}
