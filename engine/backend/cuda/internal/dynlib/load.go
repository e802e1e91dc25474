package dynlib

import (
	"errors"
	"fmt"
	"strings"
)

// Load tries the library's candidates until use takes one. use is handed the
// open library and where it lies, and binds its functions; a library that it
// refuses is closed. The error says what was tried and why nothing was taken.
func (s Search) Load(l Library, use func(library uintptr, path string) error) error {
	if err := supported(); err != nil {
		return err
	}
	candidates, chosen := s.Candidates(l)
	var refused []error
	for _, c := range candidates {
		library, err := Open(c.Path, false)
		if err == nil {
			path := Loaded(c.Path)
			if err = use(library, path); err == nil {
				return nil
			}
			err = fmt.Errorf("%s: %w", path, errors.Join(err, Close(library)))
		}
		if !unknownToLoader(c, err) {
			refused = append(refused, err)
		}
	}
	switch {
	case len(refused) > 0 && chosen:
		return fmt.Errorf("%s is %q: %w", l.Variable, s.getenv(l.Variable), errors.Join(refused...))
	case len(refused) > 0:
		return fmt.Errorf("lib%s cannot be used: %w%s", l.Stem, errors.Join(refused...), l.hint())
	case chosen:
		return fmt.Errorf("%s is %q, which holds no lib%s.so.*", l.Variable, s.getenv(l.Variable), l.Stem)
	}
	return fmt.Errorf("no lib%s.so found: not by the loader, nor in CUDA's folders under /usr/local and /usr/lib, nor in Python packages (nvidia/*/lib)%s; %s can name a file or a folder",
		l.Stem, l.hint(), l.Variable)
}

func (l *Library) hint() string {
	if l.Package == "" {
		return ""
	}
	return "; pip install " + l.Package + " has it"
}

// unknownToLoader says that the loader's own search has nothing of a bare name,
// which is no finding, unlike a file that is there and cannot be opened.
func unknownToLoader(c Candidate, err error) bool {
	return !strings.Contains(c.Path, "/") && strings.HasPrefix(err.Error(), c.Path+": cannot open shared object file")
}
