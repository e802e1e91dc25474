package mcp

import "testing"

// Deaths is how often a server's connection has ended in a row.
func Deaths(s *Servers) int {
	one := s.list[0]
	one.turn <- struct{}{}
	defer func() { <-one.turn }()
	return one.deaths
}

// Environment is that of a server's process.
func Environment(t *testing.T, s *Server) []string {
	p, err := start(s)
	if err != nil {
		t.Fatal(err)
	}
	p.stop(true)
	return p.command.Env
}
