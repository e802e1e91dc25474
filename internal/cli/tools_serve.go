package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tierlab/internal/spell"
	"tierlab/reference/tools/mcp"
)

type toolsServeOptions struct {
	toolsOptions
	stdio bool
	addr  string
	only  []string
}

func newToolsServe(g *global, stdio Stdio) *cobra.Command {
	var o toolsServeOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Offer the tools as an MCP server",
		Long: `Offer the tools to any client of the Model Context Protocol: with --stdio to the
one that has started this command, with --addr to many over streamable HTTP. Each
client has a state of its own for key-value and file tools, which is gone when it
leaves. A call whose request carries an idempotency key in its _meta is made once
for that key. Tools that want a person's approval are not offered.

Whoever can reach the address can call the tools.`,
		Example: `  tierlab tools serve --stdio
  tierlab tools serve --addr 127.0.0.1:0 --only calculator,run_code`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return badInput(err)
			}
			return serveTools(cmd.Context(), o, g.quiet, stdio)
		},
	}
	o.flags(cmd.Flags())
	f := cmd.Flags()
	f.BoolVar(&o.stdio, "stdio", false, "serve one client over standard input and output")
	f.StringVar(&o.addr, "addr", "", "serve over streamable HTTP at this `address`; port 0 takes a free one")
	f.StringSliceVar(&o.only, "only", nil, "offer these `tools` only")
	return cmd
}

func (o *toolsServeOptions) validate() error {
	if o.stdio == (o.addr != "") {
		return errors.New("want either --stdio or --addr, such as --addr 127.0.0.1:8931")
	}
	if _, _, err := net.SplitHostPort(o.addr); o.addr != "" && err != nil {
		return fmt.Errorf("--addr is %q: it is HOST:PORT, such as 127.0.0.1:8931", o.addr)
	}
	return nil
}

func serveTools(ctx context.Context, o toolsServeOptions, quiet bool, stdio Stdio) error {
	b, err := o.open(ctx, stdio)
	if err != nil {
		return err
	}
	defer b.close()
	offered := o.only
	for _, name := range o.only {
		if _, ok := b.Lookup(name); !ok {
			return badInputf("--only: there is no tool %q%s", name, spell.Hint(name, b.Names()))
		}
	}
	if len(offered) == 0 {
		offered = b.Names()
	}
	offered = slices.DeleteFunc(offered, func(name string) bool {
		t, ok := b.Lookup(name)
		return ok && t.Approval
	})
	if len(offered) == 0 {
		return badInputf("no tool is left to offer: those that want approval are not")
	}
	offer := mcp.Offer{Registry: b.Registry, Version: version(), Tools: offered}
	if !o.stdio {
		return o.listen(ctx, offer, stdio)
	}
	if !quiet {
		fmt.Fprintf(stdio.Err, "%s for the MCP client at standard input\n", count(len(offered), "tool"))
	}
	if err := offer.Stream(ctx, stdio.In, stdio.Out); ctx.Err() == nil {
		return err
	}
	return nil
}

func (o *toolsServeOptions) listen(ctx context.Context, offer mcp.Offer, stdio Stdio) error {
	handler, err := offer.Handler()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return badInputf("--addr: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		fmt.Fprintln(stdio.Err, "tierlab: warning: anybody who can reach this address can call the tools")
	}
	fmt.Fprintf(stdio.Err, "%s, ready at http://%s\n", count(len(offer.Tools), "tool"), listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
