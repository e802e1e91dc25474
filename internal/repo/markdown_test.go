package repo

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	markdownLink = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	codeSpan     = regexp.MustCompile("`([^`\n]+)`")
	// repositoryPath is a code span that names a file or folder of ours: it
	// has a slash and starts with one of our folders.
	repositoryPath = regexp.MustCompile(`^(bench|configs|engine|internal|reference|reports|sim|workloads|docs|scripts|\.ci)/[\w./-]*$`)
	rationaleLink  = regexp.MustCompile(`RATIONALE\.md#([\w-]+)`)
)

// TestMarkdownLinks follows every relative link, anchor and path of the
// Markdown files.
func TestMarkdownLinks(t *testing.T) {
	tr := load(t)
	checked := 0
	for _, rel := range tr.texts {
		if path.Ext(rel) != ".md" {
			continue
		}
		text := withoutFences(tr.read(t, rel))
		for _, m := range markdownLink.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(m[1], "://") && !strings.HasPrefix(m[1], "mailto:") {
				checked++
				checkLink(t, tr, rel, m[1])
			}
		}
		for _, m := range codeSpan.FindAllStringSubmatch(text, -1) {
			if repositoryPath.MatchString(m[1]) {
				checked++
				if _, err := os.Stat(filepath.Join(tr.root, strings.TrimSuffix(m[1], "/..."))); err != nil {
					t.Errorf("%s names `%s`, which is not in the repository", rel, m[1])
				}
			}
		}
	}
	if checked == 0 {
		t.Error("found no link to check in any Markdown file")
	}
}

// TestRationaleAnchors follows the references to RATIONALE.md in comments.
func TestRationaleAnchors(t *testing.T) {
	tr := load(t)
	for _, rel := range tr.texts {
		if path.Ext(rel) == ".md" {
			continue
		}
		for _, m := range rationaleLink.FindAllStringSubmatch(tr.read(t, rel), -1) {
			checkAnchor(t, tr, rel, "RATIONALE.md", m[1])
		}
	}
}

func checkLink(t *testing.T, tr *tree, from, link string) {
	target, anchor, _ := strings.Cut(link, "#")
	if target == "" {
		target = from
	} else {
		target = path.Join(path.Dir(from), target)
		if _, err := os.Stat(filepath.Join(tr.root, target)); err != nil {
			t.Errorf("%s links to %s, which is not in the repository", from, link)
			return
		}
	}
	if anchor != "" {
		checkAnchor(t, tr, from, target, anchor)
	}
}

func checkAnchor(t *testing.T, tr *tree, from, target, anchor string) {
	if !slices.Contains(anchors(tr.read(t, target)), anchor) {
		t.Errorf("%s links to the heading #%s, which %s does not have", from, anchor, target)
	}
}

// anchors are the headings of a Markdown text in the form that GitHub links to:
// lower case, spaces as hyphens, other punctuation dropped.
func anchors(text string) []string {
	var list []string
	drop := regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
	for line := range strings.Lines(withoutFences(text)) {
		title := strings.TrimLeft(line, "#")
		if level := len(line) - len(title); level > 0 && strings.HasPrefix(title, " ") {
			slug := drop.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			list = append(list, strings.ReplaceAll(slug, " ", "-"))
		}
	}
	return list
}

// withoutFences drops fenced blocks.
func withoutFences(text string) string {
	var b strings.Builder
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if !fenced {
			b.WriteString(line)
		}
	}
	return b.String()
}
