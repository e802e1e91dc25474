package mcp

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"tierlab/internal/spell"
	"tierlab/reference/tools"
)

// The bounds of a listing.
const (
	maxPages = 64
	maxTools = 256
)

// offer is a tool of a server that is registered.
type offer struct {
	name  string   // in the registry
	print [32]byte // of its definition
}

// sync lists a server's tools and has the registry hold just those.
func (s *server) sync(ctx context.Context, c *connection) error {
	ctx, cancel := context.WithTimeout(ctx, s.Start)
	defer cancel()
	// A listing may hang in a write, which no context ends.
	defer context.AfterFunc(ctx, func() { c.end(false) })()
	c.allowed.fill()
	list, err := listed(ctx, c)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("within %v: %w", s.Start, err)
		}
		return fmt.Errorf("its tools cannot be listed: %w%s", err, c.why())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = nil
	seen := map[string]bool{}
	for _, t := range list {
		if len(s.Tools) > 0 && !slices.Contains(s.Tools, t.Name) {
			continue
		}
		if seen[t.Name] {
			s.leave(t.Name, errors.New("the server lists it twice"))
			continue
		}
		seen[t.Name] = true
		if err := s.take(t); err != nil {
			s.leave(t.Name, err)
		}
	}
	for theirs, o := range s.offered {
		if !seen[theirs] {
			s.registry.Remove(o.name)
			delete(s.offered, theirs)
		}
	}
	for _, name := range s.Tools {
		if !seen[name] {
			s.leave(name, fmt.Errorf("the server does not have it%s", spell.Hint(name, slices.Collect(maps.Keys(seen)))))
		}
	}
	return nil
}

func (s *server) leave(theirs string, err error) {
	s.left = append(s.left, fmt.Errorf("mcp: server %s: tool %s: %w", s.Name, short(theirs), err))
}

// listed is a server's list, over its pages.
func listed(ctx context.Context, c *connection) ([]*sdk.Tool, error) {
	var list []*sdk.Tool
	params := &sdk.ListToolsParams{}
	for range maxPages {
		page, err := c.session.ListTools(ctx, params)
		if err != nil {
			return nil, err
		}
		list = append(list, page.Tools...)
		switch {
		case len(list) > maxTools:
			return nil, fmt.Errorf("it has more than %d tools", maxTools)
		case page.NextCursor == "":
			return list, nil
		}
		params.Cursor = page.NextCursor
	}
	return nil, fmt.Errorf("its list has more than %d pages", maxPages)
}

// take registers a tool, or replaces it if it has changed. One that has become
// unfit is taken out.
func (s *server) take(t *sdk.Tool) error {
	tool, err := s.tool(t)
	before, had := s.offered[t.Name]
	if err != nil {
		if had {
			s.registry.Remove(before.name)
			delete(s.offered, t.Name)
		}
		return err
	}
	definition, err := json.Marshal([]any{tool.Description, tool.Input, tool.Output, tool.Repeat})
	if err != nil {
		return err
	}
	o := offer{tool.Name, sha256.Sum256(definition)}
	if had && before == o {
		return nil
	}
	if had {
		s.registry.Remove(before.name)
		delete(s.offered, t.Name)
	}
	if err := s.registry.Register(tool); err != nil {
		return err
	}
	s.offered[t.Name] = o
	return nil
}

// tool is a server's tool as ours. Its name, description and schemas are checked
// by the registry, as those of any other.
func (s *server) tool(t *sdk.Tool) (tools.Tool, error) {
	name, theirs := s.Name+"__"+strings.NewReplacer(".", "_", "/", "_").Replace(t.Name), t.Name
	if err := tools.CheckName(name); err != nil {
		return tools.Tool{}, err
	}
	if theirs == "" {
		return tools.Tool{}, errors.New("it has no name")
	}
	input, err := json.Marshal(t.InputSchema)
	if err != nil {
		return tools.Tool{}, err
	}
	ours := tools.Tool{
		Name: name, Description: t.Description, Input: input, Timeout: s.Timeout, Repeat: s.repeat(t), Outward: !s.Local,
		Approval: slices.Contains(s.Approval, All) || slices.Contains(s.Approval, theirs),
		Run: func(ctx context.Context, c *tools.Call) (tools.Result, error) {
			return s.call(ctx, theirs, c)
		},
	}
	if t.OutputSchema != nil {
		if ours.Output, err = json.Marshal(t.OutputSchema); err != nil {
			return tools.Tool{}, err
		}
	}
	return ours, nil
}

// repeat is a tool's class: what the configuration says, else what the server
// claims if that is believed, else Once.
func (s *server) repeat(t *sdk.Tool) tools.Repeat {
	if class, ok := s.Repeat[t.Name]; ok {
		return class
	}
	if class, ok := s.Repeat[All]; ok {
		return class
	}
	switch {
	case !s.Hints || t.Annotations == nil:
	case t.Annotations.ReadOnlyHint:
		return tools.Pure
	case t.Annotations.IdempotentHint:
		return tools.Keyed
	}
	return tools.Once
}

// short quotes a text of a server for a message.
func short(s string) string {
	if len(s) > 80 {
		return fmt.Sprintf("%+q...", s[:80])
	}
	return fmt.Sprintf("%+q", s)
}
