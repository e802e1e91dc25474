package topology

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Schema is the version that every YAML file of the form names.
const Schema = "tierlab-topology/v1"

// catalogueFiles are what every topology refers to.
var catalogueFiles = [...]string{"models.yaml", "accelerators.yaml", "prices.yaml", "cities.csv"}

// deepestExtends bounds a chain of extends.
const deepestExtends = 8

// Names lists the topologies of a catalogue, sorted.
func Names(catalogue fs.FS) ([]string, error) {
	files, err := fs.Glob(catalogue, "topologies/*.yaml")
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(files))
	for _, f := range files {
		names = append(names, strings.TrimSuffix(path.Base(f), ".yaml"))
	}
	slices.Sort(names)
	return names, nil
}

// Load reads the topology with the given name from a catalogue, which holds
// models.yaml, accelerators.yaml, prices.yaml and cities.csv at its root and
// topologies in topologies/NAME.yaml. An error lists Problems.
func Load(catalogue fs.FS, name string) (*World, error) {
	file := "topologies/" + name + ".yaml"
	data, err := fs.ReadFile(catalogue, file)
	if err != nil {
		names, listErr := Names(catalogue)
		if listErr != nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
			return nil, fmt.Errorf("topology %q: %w", name, err)
		}
		return nil, fmt.Errorf("no topology %q%s", name, suggest(name, names))
	}
	return Parse(catalogue, file, data)
}

// Parse makes a World of a topology's text. The file's name is for messages;
// what the text extends and refers to is in the catalogue.
func Parse(catalogue fs.FS, file string, data []byte) (*World, error) {
	l := loader{catalogue: catalogue}
	b := builder{problems: &l.problems}
	form := l.chain(file, data)
	l.catalogues(&b)
	if err := l.err(); err != nil {
		return nil, err
	}
	w := b.world(form)
	if err := l.err(); err != nil {
		return nil, err
	}
	w.Digest = l.digest()
	return w, nil
}

// loader reads files and remembers them for the digest.
type loader struct {
	problems
	catalogue fs.FS
	read      []input
}

type input struct {
	name string
	data []byte
}

func (l *loader) file(name string) ([]byte, error) {
	data, err := fs.ReadFile(l.catalogue, name)
	l.read = append(l.read, input{name, data})
	return data, err
}

// digest is over the contents of all inputs, in the order of reading, each
// with its length. The topology's own file name does not count.
func (l *loader) digest() string {
	h := sha256.New()
	for _, in := range l.read {
		fmt.Fprintf(h, "%s %d\n", in.name, len(in.data))
		h.Write(in.data)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// chain reads a topology and what it extends: a section that a file lacks is
// its parent's.
func (l *loader) chain(file string, data []byte) *topologyForm {
	l.read = append(l.read, input{"topology", data})
	var form topologyForm
	l.decodeFile(file, data, &form)
	l.schema(form.At, form.Schema)
	top, parent := &form, &form
	seen := []string{form.Name}
	for parent.Extends != "" && len(l.found) == 0 {
		name, at := parent.Extends, parent.At
		if slices.Contains(seen, name) || len(seen) > deepestExtends {
			l.add(at, "extends", "%q extends itself: %s", name, strings.Join(append(seen, name), " -> "))
			break
		}
		seen = append(seen, name)
		file := "topologies/" + name + ".yaml"
		data, err := l.file(file)
		if err != nil {
			names, _ := Names(l.catalogue)
			l.add(at, "extends", "no topology %q%s", name, suggest(name, names))
			break
		}
		next := new(topologyForm)
		l.decodeFile(file, data, next)
		l.schema(next.At, next.Schema)
		top.inherit(next)
		parent = next
	}
	return top
}

func (l *loader) schema(at pos, got string) {
	if got != "" && got != Schema {
		l.add(at, "schema", "want %s, not %q", Schema, got)
	}
}

// inherit takes the sections that f lacks from its parent.
func (f *topologyForm) inherit(parent *topologyForm) {
	f.RTTModel = first(f.RTTModel, parent.RTTModel)
	f.Provider = first(f.Provider, parent.Provider)
	f.Network = first(f.Network, parent.Network)
	f.Origins = first(f.Origins, parent.Origins)
	f.Platform = first(f.Platform, parent.Platform)
	f.Quality = first(f.Quality, parent.Quality)
	f.Validator = first(f.Validator, parent.Validator)
	if f.Sites == nil {
		f.Sites = parent.Sites
	}
	if f.Links == nil {
		f.Links = parent.Links
	}
	if f.Faults == nil {
		f.Faults = parent.Faults
	}
	for name, rack := range parent.Racks {
		if _, ok := f.Racks[name]; !ok {
			if f.Racks == nil {
				f.Racks = map[string][]deploymentForm{}
			}
			f.Racks[name] = rack
		}
	}
}

// first is a, or b where a is its type's zero value.
func first[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

// catalogues reads the files that every topology refers to.
func (l *loader) catalogues(b *builder) {
	var models modelsForm
	var accelerators acceleratorsForm
	var prices pricesForm
	into := [...]any{&models, &accelerators, &prices}
	for i, name := range catalogueFiles {
		data, err := l.file(name)
		switch {
		case err != nil:
			l.add(pos{file: name}, "", "cannot read the catalogue: %v", err)
		case i < len(into):
			l.decodeFile(name, data, into[i])
		default:
			b.cities = l.decodeCities(name, data)
		}
	}
	for _, c := range []struct {
		at     pos
		schema string
	}{{models.At, models.Schema}, {accelerators.At, accelerators.Schema}, {prices.At, prices.Schema}} {
		l.schema(c.at, c.schema)
	}
	b.takeCatalogues(&models, &accelerators, &prices)
}
