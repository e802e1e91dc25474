package topology

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// sourceKinds are how a source begins: what kind of knowledge a figure is.
var sourceKinds = [...]string{"published: ", "measured: ", "assumption: ", "scenario: "}

// CheckSources demands that every figure of a file has a source and a date, in
// its own mapping or in one around it, and that a source says what kind of
// knowledge it is. An error lists Problems.
func CheckSources(file string, data []byte) error {
	var p problems
	if strings.HasSuffix(file, ".csv") {
		p.citedTable(file, data)
		return p.err()
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		p.found = append(p.found, syntaxProblem(file, err))
		return p.err()
	}
	for _, n := range doc.Content {
		p.cited(file, "", n, false)
	}
	return p.err()
}

// cited walks a node; covered says that a mapping around it has a source and
// a date.
func (p *problems) cited(file, path string, n *yaml.Node, covered bool) {
	switch n.Kind {
	case yaml.MappingNode:
		source, date := valueOf(n, "source"), valueOf(n, "date")
		if (source == "") != (date == "") {
			p.add(pos{file, path, n}, "", "source and date go together")
		}
		if source != "" && !hasKind(source) {
			p.add(pos{file, path, n}, "source", "%.40q must begin with one of: %s", source, strings.Join(sourceKinds[:], ""))
		}
		covered = covered || source != "" && date != ""
		for i := 0; i+1 < len(n.Content); i += 2 {
			if key := n.Content[i].Value; key != "source" && key != "date" {
				p.cited(file, join(path, key), n.Content[i+1], covered)
			}
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			p.cited(file, path, item, covered)
		}
	case yaml.ScalarNode:
		if !covered && (n.Tag == "!!int" || n.Tag == "!!float") {
			p.add(pos{file, path, n}, "", "the figure %s has no source and date, here or in a mapping around it", n.Value)
		}
	}
}

// citedTable looks for the source and date in a table's opening comments.
func (p *problems) citedTable(file string, data []byte) {
	for _, want := range []string{"# source: ", "# date: "} {
		found := false
		for line := range strings.Lines(string(data)) {
			text, ok := strings.CutPrefix(strings.TrimSpace(line), want)
			found = found || ok && (want != "# source: " || hasKind(text)) && (want != "# date: " || isDate(text))
		}
		if !found {
			p.add(pos{file: file}, "", "the table needs a comment line %q with what it says", want)
		}
	}
}

func hasKind(source string) bool {
	for _, kind := range sourceKinds {
		if strings.HasPrefix(source, kind) {
			return true
		}
	}
	return false
}

func valueOf(n *yaml.Node, key string) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1].Value
		}
	}
	return ""
}
