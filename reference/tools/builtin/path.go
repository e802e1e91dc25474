package builtin

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of a file's path in a session's workspace.
const (
	maxPath    = 400 // bytes
	maxElement = 200 // bytes between two slashes
)

// checkPath says what is wrong with a file's path. One that is taken names a
// place below the workspace on any system that it is ever unpacked on.
func checkPath(p string) error {
	bad := func(want string) error { return fmt.Errorf("path %s: %s", quoted(p), want) }
	switch {
	case p == "" || len(p) > maxPath:
		return bad(fmt.Sprintf("want 1 to %d bytes", maxPath))
	case !utf8.ValidString(p) || strings.ContainsFunc(p, unicode.IsControl):
		return bad("it holds control characters or is no UTF-8")
	case strings.ContainsAny(p, `\:`):
		return bad(`it holds \ or :, which separate paths and drives elsewhere: want / between names`)
	case strings.HasPrefix(p, "/"):
		return bad("it is absolute: want one from the workspace, as in " + quoted(strings.TrimLeft(p, "/")))
	}
	for element := range strings.SplitSeq(p, "/") {
		switch {
		case element == "..":
			return bad("it leads out of a folder: want none of ..")
		case len(element) > maxElement:
			return bad(fmt.Sprintf("a name in it has %d bytes: want at most %d", len(element), maxElement))
		}
	}
	if clean := path.Clean(p); clean != p {
		return bad("write it as " + quoted(clean))
	}
	if p == "." {
		return bad("it names the workspace: want a file in it")
	}
	return nil
}
