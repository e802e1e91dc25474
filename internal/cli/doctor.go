package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

type doctorOptions struct {
	format  string
	require string
}

func newDoctor(stdio Stdio) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine has for the optional parts, and what is missing",
		Long: `Say what this machine has for every optional part: the instructions that the CPU
engine uses, the driver, libraries and devices that the CUDA engine uses, and
what measurements and scripts use. What is missing comes with what it costs and
which package has it. With --require cuda the exit code says whether the CUDA
engine can be used, for scripts.`,
		Example: `  tierlab doctor
  tierlab doctor --format json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return badInput(err)
			}
			return runDoctor(o, lookAround(cmd.Context()), stdio.Out)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "text", "the `form` of the output: text or json")
	f.StringVar(&o.require, "require", "", "fail with exit code 1 where this `part` cannot be used: cuda")
	return cmd
}

func (o *doctorOptions) validate() error {
	switch {
	case o.format != "text" && o.format != "json":
		return fmt.Errorf("--format is %q, want text or json", o.format)
	case o.require != "" && o.require != "cuda":
		return fmt.Errorf("--require is %q, want cuda", o.require)
	}
	return nil
}

// diagnosis is what doctor writes, in the form of --format json.
type diagnosis struct {
	Version  string        `json:"version"`
	Go       string        `json:"go"`
	Platform string        `json:"platform"`
	CUDA     diagnosedCUDA `json:"cuda"`
	Parts    []part        `json:"parts"`
}

type diagnosedCUDA struct {
	Usable bool         `json:"usable"`
	Why    string       `json:"why,omitempty"` // not
	GPUs   []doctorsGPU `json:"gpus,omitempty"`
}

// part is something that the program can use. State is ok, missing, or note for
// what is there and wants a look.
type part struct {
	Group   string `json:"group"`
	Name    string `json:"name"`
	State   string `json:"state"`
	Found   string `json:"found"`
	Without string `json:"without,omitempty"` // what its absence costs
	Install string `json:"install,omitempty"` // what has it
}

func runDoctor(o doctorOptions, f facts, to io.Writer) error {
	d := f.diagnose()
	err := writeDiagnosis(o, d, to)
	if err == nil && o.require == "cuda" && !d.CUDA.Usable {
		return fmt.Errorf("CUDA cannot be used: %s", firstLine(d.CUDA.Why))
	}
	return err
}

func writeDiagnosis(o doctorOptions, d diagnosis, to io.Writer) error {
	if o.format == "json" {
		e := json.NewEncoder(to)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(d)
	}
	_, err := io.WriteString(to, d.String())
	return err
}

// The columns of the text: the state, the part's name and what was found, which
// is wrapped.
const (
	doctorIndent = 28
	doctorWidth  = 100
)

// String is the diagnosis as text.
func (d diagnosis) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "tierlab %s, %s, %s\n", d.Version, d.Go, d.Platform)
	group := ""
	for _, p := range d.Parts {
		if p.Group != group {
			group = p.Group
			fmt.Fprintf(&b, "\n%s\n", group)
		}
		lines := p.lines()
		fmt.Fprintf(&b, "  %-8s %-16s %s\n", p.State, p.Name, lines[0])
		for _, l := range lines[1:] {
			fmt.Fprintf(&b, "%*s%s\n", doctorIndent, "", l)
		}
	}
	if d.CUDA.Usable {
		b.WriteString("\nThe CUDA engine can be used here.\n")
	} else {
		b.WriteString("\nThe CUDA engine cannot be used here; the CPU engine can.\n")
	}
	return b.String()
}

// lines are what the last column says, wrapped.
func (p *part) lines() (lines []string) {
	paragraphs := strings.Split(p.Found, "\n")
	if p.Without != "" {
		paragraphs = append(paragraphs, "without it, "+p.Without)
	}
	if p.Install != "" {
		paragraphs = append(paragraphs, "to get it: "+p.Install)
	}
	for _, text := range paragraphs {
		lines = append(lines, wrap(text, doctorWidth-doctorIndent)...)
	}
	return lines
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
