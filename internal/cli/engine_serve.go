package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"tierlab/reference/gateway"
)

// engineServeOptions say what is served, where, and within which limits.
type engineServeOptions struct {
	engine engineOptions
	addr   string
	name   string
	key    string
	drain  time.Duration
	bodyMB int
	log    string
	ready  string
}

// The values of --log.
const (
	logText = "text"
	logJSON = "json"
	logNone = "none"
)

func newEngineServe(g *global, stdio Stdio) *cobra.Command {
	var o engineServeOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a model with OpenAI's API",
		Long: `Serve a model on this machine with OpenAI's API: chats and completions, streamed or
whole, with tools, JSON Schema, log-probabilities and cached tokens in the usage;
models, tokenization, health, and metrics by vLLM's names. go doc
tierlab/reference/gateway is the API's specification.

An interrupt lets running requests end, within --drain-timeout.`,
		Example: `  tierlab engine serve --model small
  tierlab engine serve --model tiny --slots 32 --kv-tokens 65536 --addr 127.0.0.1:0 --log json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return badInput(err)
			}
			return serveEngine(cmd.Context(), o, stdio, g.quiet)
		},
	}
	f := cmd.Flags()
	o.engine.several = true
	o.engine.flags(f, 16)
	f.StringVar(&o.addr, "addr", "127.0.0.1:8000", "the `address` to listen on; port 0 takes a free one")
	f.StringVar(&o.name, "served-name", "", "the model's `name` for clients (default: the model's own)")
	f.StringVar(&o.key, "api-key", "", "the `key` that clients must send; better set by TIERLAB_ENGINE_SERVE_API_KEY, since others can read a command line")
	f.DurationVar(&o.drain, "drain-timeout", 30*time.Second, "how long running requests may take to end after an interrupt")
	f.IntVar(&o.bodyMB, "max-body-mb", gateway.DefaultMaxBody>>20, "the largest request in `MiB`")
	f.StringVar(&o.ready, "ready-file", "", "when the server is ready, write its address and what its start took to this `file` as JSON")
	f.StringVar(&o.log, "log", logText, "how requests are logged: text, json or none (`format`)")
	return cmd
}

func (o *engineServeOptions) validate() error {
	switch {
	case o.log != logText && o.log != logJSON && o.log != logNone:
		return fmt.Errorf("--log is %q: it is text, json or none", o.log)
	case o.drain < 0:
		return fmt.Errorf("--drain-timeout is %v: it is at least 0", o.drain)
	case o.bodyMB < 1 || o.bodyMB > 1<<20:
		return fmt.Errorf("--max-body-mb is %d: it is from 1 to %d", o.bodyMB, 1<<20)
	}
	if _, _, err := net.SplitHostPort(o.addr); err != nil {
		return fmt.Errorf("--addr is %q: it is HOST:PORT, such as 127.0.0.1:8000", o.addr)
	}
	return o.engine.validate()
}

// serveEngine listens before it reads the weights, so that a taken port is told
// at once, and serves until ctx ends.
func serveEngine(ctx context.Context, o engineServeOptions, stdio Stdio, quiet bool) error {
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return badInputf("--addr: %w", err)
	}
	defer listener.Close()
	began := time.Now()
	m, err := o.engine.load()
	if err != nil {
		return err
	}
	loaded := time.Since(began)
	name := cmp.Or(o.name, m.config.Name)
	if !quiet {
		o.engine.notices = stdio.Err
	}
	l, err := o.engine.startSite(m, name)
	if err != nil {
		return err
	}
	cfg := gateway.Config{
		Engine: l.Engine, Metrics: l.metrics, Model: name, Begin: m.begin, APIKey: o.key,
		MaxBody: int64(o.bodyMB) << 20, Log: o.logger(stdio.Err, quiet),
	}
	if m.noChat == nil {
		cfg.Template = m.template
	}
	server, err := gateway.New(cfg)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if err := o.tellReady(l.replicas[0], m, listener.Addr(), loaded); err != nil {
		return errors.Join(err, l.Close())
	}
	if !quiet {
		o.banner(stdio.Err, l, m, name, listener.Addr())
	}
	return errors.Join(server.Serve(ctx, listener, o.drain), l.Close())
}

// logger writes a line for each request.
func (o *engineServeOptions) logger(w io.Writer, quiet bool) *slog.Logger {
	switch {
	case quiet || o.log == logNone:
		return nil
	case o.log == logJSON:
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// banner says what is served.
func (o *engineServeOptions) banner(w io.Writer, l *site, m *loadedModel, name string, addr net.Addr) {
	caps := l.Caps()
	t := &table{}
	t.row("model", fmt.Sprintf("%s, %s parameters", name, parameters(m.config.Params())))
	weights := ""
	if caps.WeightBytes > 0 {
		weights = fmt.Sprintf("%.1f MB weights, ", float64(caps.WeightBytes)/1e6)
	}
	t.row("engine", about(caps))
	if n := len(l.replicas); n > 1 {
		t.row("replicas", fmt.Sprintf("%d, on GPUs %s", n, o.engine.gpus))
	}
	held := caps.Blocks * caps.BlockTokens
	t.row("memory", fmt.Sprintf("%s%.1f MB keys and values of %s tokens", weights, float64(caps.CacheBytes)/1e6, thousands(held)))
	t.row("limits", fmt.Sprintf("context %s tokens, %s at once, %s waiting", thousands(l.Context()), count(caps.Slots, "request"), thousands(o.engine.queue)))
	if m.noChat != nil {
		t.row("chat", fmt.Sprintf("none: %v", m.noChat))
	} else {
		t.row("chat", m.template.Name())
	}
	fmt.Fprintln(w, t.String())
	fmt.Fprintf(w, "ready at http://%s/v1\n", addr)
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && o.key == "" {
		fmt.Fprintln(w, "tierlab: warning: anybody who can reach this address can use the model: set --api-key")
	}
}
