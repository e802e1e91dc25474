package mcp

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"tierlab/reference/tools"
)

// Config names the servers whose tools are taken.
type Config struct {
	Servers []Server
}

// Server is one MCP server: a command that talks over its standard streams, or
// a URL.
type Server struct {
	// Name comes before those of its tools: NAME__TOOL.
	Name string
	// Command is a program with its arguments; Dir is where it runs, "" for here.
	// Its environment is Env and those variables of ours that Pass names, and
	// nothing else.
	Command []string
	Dir     string
	Env     map[string]string
	Pass    []string
	// URL is a streamable HTTP endpoint, Headers what each request carries.
	URL     string
	Headers map[string]string
	// Timeout is of a call, Start of connecting and listing. Zero fields are 30 s
	// and 15 s.
	Timeout, Start time.Duration
	// Tools are those to take, by the server's own names; none takes all.
	Tools []string
	// Repeat says what may be repeated, by the server's own names, "*" for all
	// others. A tool that it does not name is Once, unless Hints says to believe
	// what the server claims: its read-only tools are Pure then, its idempotent
	// ones Keyed.
	Repeat map[string]tools.Repeat
	Hints  bool
	// Approval names the tools that ask a person before each call; "*" is all.
	Approval []string
	// Local vouches for a server: what it is told stays where this process runs.
	// The tools of others are Outward: sessions with data rules may not call them.
	Local bool
}

// All stands for all of a server's tools in Repeat and Approval.
const All = "*"

var serverName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

// Check says what is wrong with a configuration that was not read from a file.
func (c *Config) Check() error {
	seen := map[string]bool{}
	var all []error
	for i, s := range c.Servers {
		for _, p := range s.check() {
			all = append(all, fmt.Errorf("mcp: servers[%d].%s: %s", i, p.field, p.text))
		}
		if seen[s.Name] {
			all = append(all, fmt.Errorf("mcp: servers[%d].name: %q is taken by another server", i, s.Name))
		}
		seen[s.Name] = true
	}
	return errors.Join(all...)
}

// flaw is what is wrong with a field of a server.
type flaw struct{ field, text string }

func (s *Server) check() []flaw {
	var list []flaw
	bad := func(field, format string, args ...any) {
		list = append(list, flaw{field, fmt.Sprintf(format, args...)})
	}
	if !serverName.MatchString(s.Name) {
		bad("name", "%q: want 1 to 31 lower-case letters, digits or -, beginning with a letter or digit", s.Name)
	}
	switch {
	case len(s.Command) > 0 && s.URL != "":
		bad("url", "a server has a command or a url, not both")
	case len(s.Command) == 0 && s.URL == "":
		bad("command", "a server has a command or a url: neither stands here")
	case len(s.Command) > 0 && (s.Command[0] == "" || strings.ContainsRune(strings.Join(s.Command, ""), 0)):
		bad("command", "its first item is a program, and none holds a zero byte")
	case len(s.Command) > 0 && len(s.Headers) > 0:
		bad("headers", "are for a url")
	case s.URL != "" && (s.Dir != "" || len(s.Env) > 0 || len(s.Pass) > 0):
		bad("env", "env, pass and dir are for a command")
	case s.URL != "":
		if u, err := url.Parse(s.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			bad("url", "%q: want http:// or https:// with a host", s.URL)
		}
	}
	if s.Timeout < 0 {
		bad("timeout_ms", "must not be negative")
	}
	if s.Start < 0 {
		bad("start_ms", "must not be negative")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(s.Env[name], 0) {
			bad("env."+name, "a variable's name is not empty and holds no =, and neither it nor the value holds a zero byte")
		}
	}
	for _, named := range []struct {
		field string
		names []string
	}{{"repeat", slices.Sorted(maps.Keys(s.Repeat))}, {"approval", s.Approval}} {
		for _, name := range named.names {
			if name != All && len(s.Tools) > 0 && !slices.Contains(s.Tools, name) {
				bad(named.field, "%q is not in tools", name)
			}
		}
	}
	return list
}

func (s *Server) withDefaults() Server {
	c := *s
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Start == 0 {
		c.Start = 15 * time.Second
	}
	return c
}
