package jetstream

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// nodeConfig is a node process's.
type nodeConfig struct {
	Name, Dir, Host string
	RoutePort       int
	Routes          []string
	History         string // file that the history is added to
	Log             string // file of the server's log
	Run             int    // how often this node was started before, so that its operations' numbers differ
	Every           time.Duration
}

// runNode is a node process: a server, a store on it and a worker. It does what
// its input says, line by line, and answers each line on its output.
func runNode(config string, in io.Reader, out io.Writer) error {
	var c nodeConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	hist, err := os.OpenFile(c.History, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	srv, err := StartServer(ctx, ServerConfig{Name: c.Name, Dir: c.Dir, Host: c.Host, Cluster: "faults", RoutePort: c.RoutePort, Routes: c.Routes, Fixed: true, Log: log})
	if err != nil {
		return err
	}
	store, err := Open(ctx, Config{Server: srv, Node: c.Name, Replicas: 3, Timeout: 15 * time.Second})
	if err != nil {
		return err
	}
	h := &history{node: c.Name, w: hist}
	h.id.Store(uint64(c.Run) << 32)
	w, err := newWorker(c.Name, store, store, h, c.Every)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		word := strings.Fields(lines.Text())
		switch word[0] {
		case "round": // prefix, and the sessions to make
			w.round(word[1], word[2:])
		case "rest": // the sessions to read
			w.rest(word[1:])
		case "leader":
			fmt.Fprintln(out, "leader", leader(store))
			continue
		case "leave":
			err := w.leave()
			store.Close()
			srv.Stop()
			fmt.Fprintln(out, "left")
			return err
		}
		fmt.Fprintln(out, "done")
	}
	return lines.Err()
}

// leader says who leads the stream and how many of its other replicas are there
// and up to date, within what is under way at any time.
func leader(s *Store) string {
	ctx, cancel := context.WithTimeout(context.Background(), attempt)
	defer cancel()
	info, err := s.wire.stream.Info(ctx)
	if err != nil || info.Cluster == nil || info.Cluster.Leader == "" {
		return "unknown 0"
	}
	current := 0
	for _, r := range info.Cluster.Replicas {
		if !r.Offline && r.Lag <= 16 && r.Active < 3*time.Second {
			current++
		}
	}
	return fmt.Sprint(info.Cluster.Leader, " ", current)
}
