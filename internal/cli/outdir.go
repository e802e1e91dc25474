package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// runFile is the one file of a run's folder that may differ between two equal
// runs: it holds the time of day, the machine and the command. Its schema also
// marks the folder as ours to overwrite.
const (
	runFile   = "run.json"
	runSchema = "tierlab.run/v1"
)

// runNote is what run.json holds.
type runNote struct {
	Schema   string    `json:"schema"`
	Command  []string  `json:"command"`
	Version  string    `json:"version"`
	Go       string    `json:"go"`
	Platform string    `json:"platform"`
	CPUs     int       `json:"cpus"`
	MaxProcs int       `json:"gomaxprocs"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	// Partial marks a run that was interrupted.
	Partial bool `json:"partial,omitempty"`
	// Files are what the run wrote into its folder: anything else there is
	// somebody's own, which --force does not remove.
	Files []string `json:"files"`
}

// outDir is a folder that appears whole or not at all: its files are written
// to a sibling that takes its place at the end.
type outDir struct {
	final string
	force bool
	temp  string // "" once committed or dropped
	note  runNote
}

// newOutDir prepares the folder of a run. It refuses one that exists, unless it
// is empty, or holds a run and force is set.
func newOutDir(final string, force bool, command []string) (*outDir, error) {
	final = filepath.Clean(final)
	if err := mayReplace(final, force); err != nil {
		return nil, badInput(err)
	}
	parent := filepath.Dir(final)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, badInputf("--out %s: %w", final, err)
	}
	temp, err := os.MkdirTemp(parent, "."+filepath.Base(final)+".*")
	if err != nil {
		return nil, badInputf("--out %s: %w", final, err)
	}
	return &outDir{final: final, force: force, temp: temp, note: runNote{
		Schema:   runSchema,
		Command:  command,
		Version:  version(),
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		CPUs:     runtime.NumCPU(),
		MaxProcs: runtime.GOMAXPROCS(0),
		Started:  time.Now().UTC(),
	}}, nil
}

// mayReplace says what stands in the way of a folder, if anything does.
func mayReplace(dir string, force bool) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("--out %s: %w", dir, err)
	case len(entries) == 0:
		return nil
	}
	var note runNote
	text, err := os.ReadFile(filepath.Join(dir, runFile))
	ours := err == nil && json.Unmarshal(text, &note) == nil && note.Schema == runSchema
	switch {
	case !ours:
		return fmt.Errorf("--out %s: the folder holds something that is not a run (it has no %s of ours), so not even --force replaces it", dir, runFile)
	case !force:
		return fmt.Errorf("--out %s: the folder holds a run from %s; choose another, or replace it with --force",
			dir, note.Started.Format(time.DateTime))
	}
	for _, e := range entries {
		if len(note.Files) > 0 && !slices.Contains(note.Files, e.Name()) {
			return fmt.Errorf("--out %s: the folder holds a run and %s, which the run did not write: move it away, since --force replaces the whole folder", dir, e.Name())
		}
	}
	return nil
}

// path is where a file of the folder is written for now.
func (d *outDir) path(name string) string { return filepath.Join(d.temp, name) }

// commit writes run.json and puts the folder in its place. What was there
// before is removed last, so that at every moment one of the two exists. When
// the place was taken since newOutDir looked, the results stay where they are
// and the error says where.
func (d *outDir) commit(partial bool) error {
	if err := d.writeNote(partial); err != nil {
		return err
	}
	if err := mayReplace(d.final, d.force); err != nil {
		kept := d.temp
		d.temp = ""
		return badInputf("%w (it was written while this run went on, whose results are in %s)", err, kept)
	}
	old := d.temp + ".old"
	moved := true
	if err := os.Rename(d.final, old); errors.Is(err, fs.ErrNotExist) {
		moved = false
	} else if err != nil {
		return err
	}
	if err := os.Rename(d.temp, d.final); err != nil {
		if moved {
			err = errors.Join(err, os.Rename(old, d.final))
		}
		return err
	}
	d.temp = ""
	if moved {
		return os.RemoveAll(old)
	}
	return nil
}

// writeNote completes and writes run.json.
func (d *outDir) writeNote(partial bool) error {
	d.note.Finished, d.note.Partial = time.Now().UTC(), partial
	entries, err := os.ReadDir(d.temp)
	if err != nil {
		return err
	}
	d.note.Files = []string{runFile}
	for _, e := range entries {
		d.note.Files = append(d.note.Files, e.Name())
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d.note); err != nil {
		return err
	}
	if err := os.WriteFile(d.path(runFile), text.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Chmod(d.temp, 0o755)
}

// drop removes what was written, unless it is committed.
func (d *outDir) drop() {
	if d.temp != "" {
		os.RemoveAll(d.temp)
		d.temp = ""
	}
}
