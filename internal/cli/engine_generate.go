package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"tierlab/engine"
	"tierlab/engine/backend"
	"tierlab/engine/sample"
	"tierlab/engine/tokenizer/chat"
)

// engineGenerateOptions are one request.
type engineGenerateOptions struct {
	engine     engineOptions
	prompt     string
	promptFile string
	chat       bool
	system     string
	maxTokens  int
	params     sample.Params
	stop       []string
	ignoreEnd  bool
	logprobs   int
	schema     string
	format     string
}

func newEngineGenerate(g *global, stdio Stdio) *cobra.Command {
	var o engineGenerateOptions
	cmd := &cobra.Command{
		Use:   "generate --prompt TEXT",
		Short: "Generate text with a model on this machine",
		Long: `Generate text with a model on this machine: a built-in shape with random weights,
which writes nonsense at the speed of the real one, or a Hugging Face folder. The
text goes to standard output as it comes, the figures to standard error. The same
prompt, seed and settings give the same text.`,
		Example: `  tierlab engine generate --model tiny --prompt hello --max-tokens 32 --seed 1
  tierlab engine generate --prompt 'What is a tier?' --chat --temperature 0.8 --top-p 0.9
  tierlab engine generate --prompt hello --max-tokens 4 --logprobs 3
  tierlab engine generate --prompt hello --max-tokens 8 --format json
  tierlab engine generate --prompt 'A city:' --json-schema city.schema.json --temperature 1`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return badInput(err)
			}
			return generateText(cmd.Context(), o, stdio, g.quiet)
		},
	}
	f := cmd.Flags()
	o.engine.flags(f, 1)
	f.StringVarP(&o.prompt, "prompt", "p", "", "the `text` to continue, or with --chat to answer")
	f.StringVar(&o.promptFile, "prompt-file", "", "the `file` with the prompt; - is standard input")
	f.BoolVar(&o.chat, "chat", false, "the prompt is a user's message: write it as the model's chat template does")
	f.StringVar(&o.system, "system", "", "the `text` of the chat's system message")
	f.IntVarP(&o.maxTokens, "max-tokens", "n", 64, "the most `tokens` to generate")
	f.Uint64Var(&o.params.Seed, "seed", 1, "the `seed` of the draws")
	f.Float32Var(&o.params.Temperature, "temperature", 0, "divides the logits by this `number`; 0 takes the most likely token")
	f.IntVar(&o.params.TopK, "top-k", 0, "draw from the `k` most likely tokens; 0 is all")
	f.Float32Var(&o.params.TopP, "top-p", 1, "draw from the most likely tokens whose `probability` adds up to this")
	f.Float32Var(&o.params.MinP, "min-p", 0, "drop tokens less likely than this `share` of the most likely one")
	f.StringArrayVar(&o.stop, "stop", nil, "end before this `text`; may be given again")
	f.BoolVar(&o.ignoreEnd, "ignore-end", false, "go on to --max-tokens over the model's end of text and --stop")
	f.IntVar(&o.logprobs, "logprobs", -1, "show each token's log-probability, and those of the `n` most likely ones")
	f.StringVar(&o.schema, "json-schema", "", "write a document of the JSON Schema in this `file`")
	f.StringVar(&o.format, "format", "text", "the `form` of the output: text or json")
	return cmd
}

func (o *engineGenerateOptions) validate() error {
	switch {
	case o.format != "text" && o.format != "json":
		return fmt.Errorf("--format is %q: it is text or json", o.format)
	case o.prompt == "" && o.promptFile == "":
		return errors.New("--prompt is missing: give a text, or --prompt-file")
	case o.prompt != "" && o.promptFile != "":
		return errors.New("--prompt and --prompt-file both give the prompt: give one")
	case o.system != "" && !o.chat:
		return errors.New("--system is for --chat")
	case o.maxTokens < 1:
		return fmt.Errorf("--max-tokens is %d: it is at least 1", o.maxTokens)
	case slices.Contains(o.stop, ""):
		return errors.New("--stop is empty, which would end every output before its start")
	}
	if err := o.params.Validate(); err != nil {
		return err
	}
	return o.engine.validate()
}

func generateText(ctx context.Context, o engineGenerateOptions, stdio Stdio, quiet bool) error {
	text, err := o.read(stdio)
	if err != nil {
		return err
	}
	m, err := o.engine.load()
	if err != nil {
		return err
	}
	r, err := o.request(m, text)
	if err != nil {
		m.source.Close()
		return badInput(err)
	}
	if !quiet {
		o.engine.notices = stdio.Err
	}
	l, err := o.engine.start(m, nil)
	if err != nil {
		return err
	}
	defer l.Close()
	stream, err := l.Submit(ctx, r)
	if err != nil {
		return badInput(err)
	}
	g := generation{o: o, model: m, caps: l.Caps()}
	if o.format == "text" {
		err = g.stream(stream, visible(stdio.Out))
	} else {
		err = g.json(stream, stdio.Out)
	}
	if err != nil {
		return err
	}
	if err := stream.Err(); err != nil {
		return err
	}
	if !quiet {
		g.figures(stream.Usage(), stream.Finish(), stdio.Err)
	}
	return l.Close()
}

// read is the prompt's text.
func (o *engineGenerateOptions) read(stdio Stdio) (string, error) {
	if o.promptFile == "" {
		return o.prompt, nil
	}
	if o.promptFile == "-" {
		b, err := io.ReadAll(stdio.In)
		return string(b), err
	}
	b, err := os.ReadFile(o.promptFile)
	if err != nil {
		return "", badInputf("--prompt-file: %w", err)
	}
	return string(b), nil
}

// request is what the options ask for. What the model's context cannot hold is
// told before the weights are read.
func (o *engineGenerateOptions) request(m *loadedModel, text string) (engine.Request, error) {
	r := engine.Request{
		MaxTokens: o.maxTokens, Params: o.params, Stop: o.stop, IgnoreEnd: o.ignoreEnd, Logprobs: o.logprobs,
	}
	if err := o.write(m, &r, text); err != nil {
		return r, err
	}
	limit := m.config.Context
	if o.engine.context > 0 {
		limit = min(limit, o.engine.context)
	}
	if n := len(r.Prompt); n == 0 {
		return r, errors.New("the prompt is empty")
	} else if n+r.MaxTokens > limit {
		return r, fmt.Errorf("the prompt has %s and --max-tokens is %d; the context holds %s", count(n, "token"), r.MaxTokens, count(limit, "token"))
	}
	if o.schema == "" {
		return r, nil
	}
	matcher, err := m.schemaGrammar(o.schema, r.MaxTokens, slices.Concat(m.config.EOS, r.StopIDs))
	r.Grammar = matcher
	return r, err
}

// write turns the text into the prompt's tokens.
func (o *engineGenerateOptions) write(m *loadedModel, r *engine.Request, text string) (err error) {
	if !o.chat {
		r.Prompt = m.prompt(text)
		return nil
	}
	c := chat.Conversation{Messages: []chat.Message{{Role: chat.User, Content: text}}}
	if o.system != "" {
		c.Messages = slices.Insert(c.Messages, 0, chat.Message{Role: chat.System, Content: o.system})
	}
	r.Prompt, r.StopIDs, err = m.chat(c)
	return err
}

// generation is an output on its way to its reader.
type generation struct {
	o      engineGenerateOptions
	model  *loadedModel
	caps   backend.Caps
	tokens []engine.Token
}

// stream writes the text as it comes, and then the log-probabilities.
func (g *generation) stream(s *engine.Stream, w io.Writer) error {
	last := ""
	for t, ok := s.Next(); ok; t, ok = s.Next() {
		if t.Text != "" {
			last = t.Text
		}
		if _, err := io.WriteString(w, t.Text); err != nil {
			s.Cancel()
			return fmt.Errorf("write: %w", err)
		}
		g.tokens = append(g.tokens, t)
	}
	if last == "" || last[len(last)-1] != '\n' {
		fmt.Fprintln(w)
	}
	if g.o.logprobs < 0 {
		return nil
	}
	return g.logprobs(w)
}

// spelling is a token as Go writes a string.
func (g *generation) spelling(id int32) string {
	return fmt.Sprintf("%q", g.model.tokenizer.Bytes(nil, id))
}

func (g *generation) logprobs(w io.Writer) error {
	heads := []string{"TOKEN", "ID", "LOGPROB"}
	for i := range g.o.logprobs {
		heads = append(heads, fmt.Sprint("TOP ", i+1))
	}
	t := newTable(heads...)
	for _, tok := range g.tokens {
		row := []string{g.spelling(tok.ID), fmt.Sprint(tok.ID), fmt.Sprintf("%.4f", tok.Logprob)}
		for _, other := range tok.Top {
			row = append(row, fmt.Sprintf("%s %.4f", g.spelling(other.Token), other.Logprob))
		}
		t.row(row...)
	}
	fmt.Fprintln(w)
	return t.write(w)
}
