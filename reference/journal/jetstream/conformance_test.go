package jetstream

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"tierlab/reference/journal"
	"tierlab/reference/journal/journaltest"
)

// served is a store and the server behind it.
type served struct {
	*Store
	server *Server
	dir    string
}

// serve starts a server on a folder and opens a store there.
func serve(t testing.TB, dir string) *served {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	srv, err := StartServer(ctx, ServerConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	s, err := Open(ctx, Config{Server: srv, Node: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &served{s, srv, dir}
}

// TestConformance runs the suite on one server. Reopen opens another store, which
// reads the stream anew; with TIERLAB_FAULTS=1 it also restarts the server, which
// takes half a minute in all.
func TestConformance(t *testing.T) {
	restart := os.Getenv("TIERLAB_FAULTS") == "1"
	if !restart {
		few(t, 15)
	}
	journaltest.RunOptions(t, journaltest.Options{
		Open: func(t *testing.T) journal.Store { return serve(t, t.TempDir()) },
		Reopen: func(t *testing.T, s journal.Store) journal.Store {
			old := s.(*served)
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			if restart {
				old.server.Stop()
				return serve(t, old.dir)
			}
			again, err := Open(t.Context(), Config{Server: old.server, Node: "n1"})
			if err != nil {
				t.Fatal(err)
			}
			return &served{again, old.server, old.dir}
		},
	})
}

// TestConformanceCluster runs the suite on three nodes, from each of which in
// turn the parts look at the stream.
func TestConformanceCluster(t *testing.T) {
	if os.Getenv("TIERLAB_FAULTS") != "1" {
		t.Skip("takes minutes: TIERLAB_FAULTS=1 runs it")
	}
	c := startCluster(t)
	n := 0
	open := func(t *testing.T) journal.Store {
		n++
		s, err := Open(t.Context(), Config{Server: c.servers[n%3], Replicas: 3, Timeout: 30 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	few(t, 20)
	journaltest.RunOptions(t, journaltest.Options{Small: true, Open: open, Reopen: func(t *testing.T, s journal.Store) journal.Store {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return open(t)
	}})
}

// few has properties checked less often than rapid does by itself, whose flag it
// sets back in the end.
func few(t *testing.T, checks int) {
	old := flag.Lookup("rapid.checks").Value.String()
	flag.Set("rapid.checks", fmt.Sprint(checks))
	t.Cleanup(func() { flag.Set("rapid.checks", old) })
}
