package importers

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"tierlab/workloads"
)

// Importer turns recordings of one foreign format into a workload.
type Importer struct {
	// Name is what --from takes.
	Name string
	// Reads says in one line what it reads.
	Reads string
	// Example is an example of its paths.
	Example string

	suffixes []string // of the files that it takes from a folder
	origin   workloads.Provenance
	convert  func(files []string, out *sink) error
}

// All lists the importers in the order of their names.
func All() []Importer {
	return []Importer{agenticMooncake, azure, mooncake, openHands, otel, traceLab, weka}
}

// Options change what an import writes.
type Options struct {
	// Name is the workload's; by default the importer's and the first path's.
	Name string
	// Source and License replace the importer's in the header, where not empty.
	Source, License string
	// BlockSize is the length in tokens of the blocks that hash ids name, where
	// the source does not say; 0 is the format's usual.
	BlockSize int
	// Sessions stops after that many sessions; 0 imports all.
	Sessions int
	// Stop is asked after every session, if it is not nil; its error ends the
	// import.
	Stop func() error
}

// Summary counts what an import wrote.
type Summary struct {
	Sessions, Steps, Tools, Prefixes int
	// Input and Output are tokens, summed over the steps.
	Input, Output int64
	// Notes are the header's: what was assumed or left out, with counts.
	Notes []string
}

// Import reads the files and folders named by paths and writes a workload to
// w. It reads them twice: the header stands first and says how much was left
// out.
func (im Importer) Import(paths []string, w io.Writer, opts Options) (Summary, error) {
	files, err := expand(paths, im.suffixes)
	if err != nil {
		return Summary{}, err
	}
	h := workloads.Header{Name: opts.Name, Provenance: im.origin, Tokenizer: "unknown"}
	if h.Name == "" {
		base := filepath.Base(paths[0])
		h.Name = im.Name + "-" + strings.TrimSuffix(base, filepath.Ext(base))
	}
	if opts.Source != "" {
		h.Provenance.Source = opts.Source
	}
	if opts.License != "" {
		h.Provenance.License = opts.License
	}
	survey, err := im.pass(files, io.Discard, h, opts)
	if err != nil {
		return Summary{}, err
	}
	h.Provenance.Notes = survey.Notes
	return im.pass(files, w, h, opts)
}

func (im Importer) pass(files []string, w io.Writer, h workloads.Header, opts Options) (Summary, error) {
	out := &sink{w: workloads.NewWriter(w, h), limit: opts.Sessions, block: opts.BlockSize, stop: opts.Stop,
		ids: make(map[string]bool), kept: make(map[string]*note)}
	if err := im.convert(files, out); err != nil && err != errLimit {
		return Summary{}, err
	}
	if err := out.w.Close(); err != nil {
		return Summary{}, err
	}
	if out.sum.Sessions == 0 {
		return Summary{}, fmt.Errorf("%s: no session found (it reads %s)", strings.Join(files, ", "), im.Reads)
	}
	out.sum.Notes = out.notes()
	return out.sum, nil
}
