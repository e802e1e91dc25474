package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tierlab/reference/tools"
	"tierlab/reference/tools/builtin"
	"tierlab/reference/tools/mcp"
)

func newTools(g *global, stdio Stdio) *cobra.Command {
	return group("tools", "List, try and serve the tools that agents call",
		newToolsCall(stdio), newToolsList(stdio), newToolsServe(g, stdio))
}

// toolsOptions say which tools there are.
type toolsOptions struct {
	mcp   string
	hosts []string
}

func (o *toolsOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.mcp, "mcp", "", "take the tools of the MCP servers in this YAML `file` as well; go doc tierlab/reference/tools/mcp says how it is written")
	f.StringSliceVar(&o.hosts, "allow-host", nil, "let http_fetch reach these `hosts`, by https; .example.com is all below it")
}

// toolbox is a registry with what has to be closed after it.
type toolbox struct {
	*tools.Registry
	pool    lazyPool
	servers *mcp.Servers
}

// open registers the built-in tools and those of MCP servers.
func (o *toolsOptions) open(ctx context.Context, stdio Stdio) (*toolbox, error) {
	b := &toolbox{Registry: tools.NewRegistry(tools.Options{})}
	c := builtin.Config{Run: b.pool.Run, Code: []string{"calculator", "kv_add", "kv_delete", "kv_get", "kv_list", "kv_set",
		"file_delete", "file_edit", "file_list", "file_read", "file_write"}}
	if len(o.hosts) > 0 {
		c.Fetch = &builtin.Fetch{Hosts: lower(o.hosts)}
	}
	if err := builtin.Register(b.Registry, c); err != nil {
		return nil, badInputf("--allow-host: %w", err)
	}
	var err error
	if b.servers, err = connectServers(ctx, b.Registry, o.mcp, stdio); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// connectServers registers the tools of the servers that --mcp names, and warns
// of those that are left out. Without a file there are none.
func connectServers(ctx context.Context, reg *tools.Registry, file string, stdio Stdio) (*mcp.Servers, error) {
	if file == "" {
		return &mcp.Servers{}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, badInputf("--mcp: %w", err)
	}
	config, err := mcp.Parse(file, text)
	if err != nil {
		return nil, badInput(err)
	}
	servers, err := mcp.Connect(ctx, reg, config)
	if err != nil {
		return nil, errors.Join(err, servers.Close())
	}
	for _, err := range servers.LeftOut() {
		fmt.Fprintln(visible(stdio.Err), "tierlab: warning: left out:", err)
	}
	return servers, nil
}

func (b *toolbox) close() {
	if b.servers != nil {
		b.servers.Close()
	}
	b.pool.Close()
}
