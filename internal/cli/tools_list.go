package cli

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tierlab/reference/tools"
)

type toolsListOptions struct {
	toolsOptions
	asJSON bool
}

func newToolsList(stdio Stdio) *cobra.Command {
	var o toolsListOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tools and what may be done with their calls",
		Long: `List the tools that an agent may be given. REPEAT is what may be done with a call
whose outcome is not known: pure ones are made again, keyed ones under the same
idempotency key, and once never. SERIAL calls of one session run one after the
other, since they use its state. --json has the definitions as a model gets them.`,
		Example: "  tierlab tools list\n  tierlab tools list --allow-host api.example.com --json",
		Args:    exactly(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return listTools(cmd.Context(), o, stdio) },
	}
	o.flags(cmd.Flags())
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print name, description and JSON Schema of each")
	return cmd
}

// repeatWords are the classes of repetition, by tools.Repeat.
var repeatWords = [...]string{tools.Once: "once", tools.Keyed: "keyed", tools.Pure: "pure"}

func listTools(ctx context.Context, o toolsListOptions, stdio Stdio) error {
	b, err := o.open(ctx, stdio)
	if err != nil {
		return err
	}
	defer b.close()
	if o.asJSON {
		list, err := b.Definitions(b.Names())
		if err != nil {
			return err
		}
		return buffered(stdio.Out, func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			e.SetEscapeHTML(false)
			return e.Encode(list)
		})
	}
	t := newTable("TOOL", "REPEAT", "SERIAL", "APPROVAL", "DESCRIPTION")
	yes := map[bool]string{true: "yes", false: "-"}
	for _, name := range b.Names() {
		if tool, ok := b.Lookup(name); ok {
			t.row(name, repeatWords[tool.Repeat], yes[tool.Serial()], yes[tool.Approval], sentence(tool.Description))
		}
	}
	return t.write(visible(stdio.Out))
}

// sentence is a description's first sentence, or as much of it as a line has
// room for.
func sentence(text string) string {
	const room = 90
	text = strings.Join(strings.Fields(text), " ")
	if i := strings.Index(text, ". "); i >= 0 {
		text = text[:i+1]
	}
	if runes := []rune(text); len(runes) > room {
		return string(runes[:room-3]) + "..."
	}
	return text
}
