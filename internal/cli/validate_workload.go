package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"tierlab/internal/spell"
	"tierlab/workloads"
	"tierlab/workloads/importers"
)

// readRecording reads a workload, or a foreign recording through its importer.
// From is the importer's name; "" finds it, unless the file is a workload.
func readRecording(ctx context.Context, arg, from string, stdio Stdio, show *progress) (*workloads.Library, error) {
	if from == "" {
		foreign, err := isForeign(arg)
		if err != nil {
			return nil, err
		}
		if !foreign {
			return readLibrary(ctx, arg, stdio)
		}
	}
	name, text, sum, err := imported(ctx, arg, from)
	if err != nil {
		return nil, err
	}
	show.Say("%s is no workload: read as --from %s, %s, %s", arg, name, count(sum.Sessions, "session"), count(sum.Steps, "step"))
	for _, note := range sum.Notes {
		show.Say("  note: %s", note)
	}
	lib, err := workloads.ReadLibrary(bytes.NewReader(text), arg)
	return lib, badInput(err)
}

// isForeign says whether a file is there whose first line is no workload's
// header.
func isForeign(arg string) (bool, error) {
	if arg == "-" || arg == embedded {
		return false, nil
	}
	r, _, err := openWorkload(arg, Stdio{})
	if err != nil {
		return false, err
	}
	defer r.Close()
	head, err := io.ReadAll(io.LimitReader(r, 64))
	return !strings.HasPrefix(strings.ReplaceAll(string(head), " ", ""), `{"kind":"header"`), err
}

// imported is a recording as a workload: by the importer that is named, or by
// the only one that can read it.
func imported(ctx context.Context, path, from string) (name string, text []byte, sum importers.Summary, err error) {
	all := importers.All()
	var names, read []string
	for _, im := range all {
		names = append(names, im.Name)
	}
	if from != "" {
		all = slices.DeleteFunc(all, func(im importers.Importer) bool { return im.Name != from })
		if len(all) == 0 {
			return "", nil, sum, badInputf("--from: no format %q%s", from, spell.Hint(from, names))
		}
	}
	var refused error
	for _, im := range all {
		var b bytes.Buffer
		s, err := im.Import([]string{path}, &b, importers.Options{Stop: ctx.Err})
		switch {
		case ctx.Err() != nil:
			return "", nil, sum, ctx.Err()
		case err != nil || s.Steps == 0:
			refused = err
			continue
		}
		read = append(read, im.Name)
		name, text, sum = im.Name, b.Bytes(), s
	}
	switch {
	case len(read) == 1:
		return name, text, sum, nil
	case len(read) > 1:
		return "", nil, sum, badInputf("workload: %s can be read as %s: say which it is with --from", path, strings.Join(read, " or "))
	case from != "":
		return "", nil, sum, badInput(errors.Join(fmt.Errorf("workload: %s cannot be read as %s", path, from), refused))
	}
	return "", nil, sum, badInputf("workload: %s is neither a workload nor a recording of a known format (%s); --from says why one of them does not read it",
		path, strings.Join(names, ", "))
}
