package cli

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tierlab/engine"
)

// engineLogitsOptions say which tokens run through a model.
type engineLogitsOptions struct {
	engine engineOptions
	tokens string
	prompt int
	out    string
}

func newEngineLogits(g *global, stdio Stdio) *cobra.Command {
	var o engineLogitsOptions
	cmd := &cobra.Command{
		Use:   "logits --tokens FILE --out FILE",
		Short: "Write a model's logits over given tokens",
		Long: `Run given tokens through a model and write its logits, for comparing one
implementation with another. The first --prompt tokens are computed as a prompt,
the others one at a time. Row i of the output is what follows the first
--prompt + i tokens; the last token is followed by nothing.

--tokens is a file with ids between spaces or line ends; - is standard input. The
output is a NumPy file (.npy) of 32-bit floats, a row for each token but the prompt's.`,
		Example: `  tierlab engine logits --model tiny --tokens tokens.txt --prompt 4 --out logits.npy`,
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return badInput(err)
			}
			return writeLogits(cmd.Context(), o, stdio, newProgress(stdio, g.quiet))
		},
	}
	f := cmd.Flags()
	o.engine.flags(f, 1)
	f.StringVar(&o.tokens, "tokens", "", "the `file` with the tokens' ids")
	f.IntVar(&o.prompt, "prompt", 1, "how many `tokens` are the prompt")
	f.StringVarP(&o.out, "out", "o", "", "the `file` to write")
	return cmd
}

func (o *engineLogitsOptions) validate() error {
	switch {
	case o.tokens == "":
		return fmt.Errorf("--tokens is missing: name a file of ids, or - for standard input")
	case o.out == "":
		return fmt.Errorf("--out is missing: name the file to write, or - for standard output")
	case o.prompt < 1:
		return fmt.Errorf("--prompt is %d: it is at least 1", o.prompt)
	}
	return o.engine.validate()
}

func writeLogits(ctx context.Context, o engineLogitsOptions, stdio Stdio, show *progress) error {
	ids, err := o.read(stdio)
	if err != nil {
		return err
	}
	show.Update("loading %s", o.engine.model.model)
	m, err := o.engine.loadWithoutText()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if int(id) >= m.config.Vocab {
			m.source.Close()
			return badInputf("--tokens: %d is no token of %s, which has %d", id, m.config.Name, m.config.Vocab)
		}
	}
	l, err := o.engine.start(m, nil)
	if err != nil {
		return err
	}
	defer l.Close()
	stream, err := l.Submit(ctx, engine.Request{Prompt: ids[:o.prompt], Forced: ids[o.prompt:], Logits: true, Logprobs: -1})
	if err != nil {
		return badInput(err)
	}
	var rows [][]float32
	for t, ok := stream.Next(); ok; t, ok = stream.Next() {
		rows = append(rows, t.Logits)
		show.Update("%d of %d", len(rows), len(ids)-o.prompt)
	}
	if err := stream.Err(); err != nil {
		return err
	}
	if err := writeOutput(o.out, stdio, func(w io.Writer) error { return writeNPY(w, rows) }); err != nil {
		return err
	}
	show.Say("%s: %s of %s logits", o.out, count(len(rows), "row"), thousands(len(rows[0])))
	return l.Close()
}

// read is the file's tokens.
func (o *engineLogitsOptions) read(stdio Stdio) ([]int32, error) {
	in := stdio.In
	if o.tokens != "-" {
		f, err := os.Open(o.tokens)
		if err != nil {
			return nil, badInputf("--tokens: %w", err)
		}
		defer f.Close()
		in = f
	}
	var ids []int32
	words := bufio.NewScanner(in)
	words.Split(bufio.ScanWords)
	for words.Scan() {
		id, err := strconv.ParseInt(words.Text(), 10, 32)
		if err != nil || id < 0 {
			return nil, badInputf("--tokens: %q is no token's id", words.Text())
		}
		ids = append(ids, int32(id))
	}
	if err := words.Err(); err != nil {
		return nil, err
	}
	if len(ids) <= o.prompt {
		return nil, badInputf("--tokens: %s with a prompt of %d leave none to compute logits for", count(len(ids), "token"), o.prompt)
	}
	return ids, nil
}

// writeNPY writes rows of one length as NumPy's format 1.0 has it
// (numpy.lib.format): a magic number, the length of a header in ASCII whose end
// is at a multiple of 64 bytes, then the values, little-endian and row by row.
func writeNPY(w io.Writer, rows [][]float32) error {
	const before = 10 // magic, version, length
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", len(rows), len(rows[0]))
	header += strings.Repeat(" ", 63-(before+len(header))%64) + "\n"
	start := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	if _, err := w.Write(append(start, header...)); err != nil {
		return err
	}
	line := make([]byte, 0, 4*len(rows[0]))
	for _, row := range rows {
		line = line[:0]
		for _, v := range row {
			line = binary.LittleEndian.AppendUint32(line, math.Float32bits(v))
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}
