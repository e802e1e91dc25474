package repo

import (
	"regexp"
	"strings"
	"testing"
)

// unwanted are words and paths that no file of the repository may hold, and
// what to do instead. This file is left out: it has to name them.
var unwanted = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`), "do it, or say in RATIONALE.md what is missing and why"},
	{regexp.MustCompile(`(?i)\b(not (yet )?implemented|unimplemented|stubs?|stubbed)\b`), "leave out what does not work"},
	{regexp.MustCompile("\u2014"), "write a sentence, or use a colon or parentheses, in place of a dash"},
	{regexp.MustCompile(`(^|[\s"'(=])/(work|root|home|Users)/`), "name no path of one machine"},
	{regexp.MustCompile(`(?i)(^|[^.\w])(managers?|helpers?|utils?)\b`), "use the field's own word for the thing"},
	{regexp.MustCompile(`https?://localhost`), "take the address as a setting"},
}

func TestUnwantedText(t *testing.T) {
	tr := load(t)
	for _, rel := range tr.texts {
		if rel == "internal/repo/text_test.go" {
			continue
		}
		number := 0
		for line := range strings.Lines(tr.read(t, rel)) {
			number++
			for _, u := range unwanted {
				if found := u.pattern.FindString(line); found != "" {
					t.Errorf("%s:%d: %q: %s", rel, number, strings.TrimSpace(found), u.instead)
				}
			}
		}
	}
}

// TestPackageComments demands a package comment that starts as Go's own do.
func TestPackageComments(t *testing.T) {
	for dir, files := range load(t).packages() {
		var comments []string
		for _, s := range files {
			if s.file.Doc != nil {
				comments = append(comments, s.file.Doc.Text())
			}
		}
		want := "Package " + files[0].file.Name.Name + " "
		if files[0].file.Name.Name == "main" {
			want = "Command "
		}
		if len(comments) != 1 {
			t.Errorf("package %s has %d package comments; it needs one, in doc.go or its only file", dir, len(comments))
			continue
		}
		if !strings.HasPrefix(comments[0], want) {
			t.Errorf("package %s: its comment starts %.30q, not %q", dir, comments[0], want)
		}
	}
}

// TestForbiddenFolders refuses folders that say nothing of what is in them.
func TestForbiddenFolders(t *testing.T) {
	banned := regexp.MustCompile(`(^|/)(pkg|common|utils?|helpers?|types|misc|lib|shared|vendor)(/|$)`)
	for _, s := range load(t).sources {
		if found := banned.FindString(s.dir); found != "" {
			t.Errorf("%s: the folder %q is no noun of the field: name what its code is about", s.path, found)
		}
	}
}
