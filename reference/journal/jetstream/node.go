package jetstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// ServerConfig describes a NATS server in this process. Only Dir is needed.
type ServerConfig struct {
	// Name is the server's in its cluster; needed there.
	Name string
	// Dir is where its streams are.
	Dir string
	// Host is the address that it listens on; "": 127.0.0.1.
	Host string
	// Port is for clients; 0: one that is free.
	Port int
	// Cluster is the cluster's name; "": the server is alone.
	Cluster string
	// RoutePort is for the cluster's other servers; 0: one that is free.
	RoutePort int
	// Routes are the host:port of the cluster's servers, which may include this.
	Routes []string
	// Fixed keeps the server from being told of, and from telling, addresses beside
	// Routes: for networks where a server is not reached where it listens.
	Fixed bool
	// Log takes the server's log; nil: there is none.
	Log io.Writer
}

// maxPayload is the largest message that a Server takes, in bytes.
const maxPayload = 16 << 20

// Server is a NATS server in this process, with JetStream that syncs every write
// before it answers.
type Server struct{ server *server.Server }

// StartServer starts a server and waits until it takes connections.
func StartServer(ctx context.Context, c ServerConfig) (*Server, error) {
	o, err := c.options()
	if err != nil {
		return nil, err
	}
	n, err := server.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	if c.Log != nil {
		n.SetLoggerV2(&logger{c.Log}, false, false, false)
	}
	go n.Start()
	wait := 10 * time.Second
	if until, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(until))
	}
	if !n.ReadyForConnections(wait) {
		n.Shutdown()
		return nil, fmt.Errorf("jetstream: the server in %s does not take connections after %v", c.Dir, wait)
	}
	if !n.JetStreamEnabled() {
		n.Shutdown()
		return nil, fmt.Errorf("jetstream: the server in %s runs without JetStream: see its log", c.Dir)
	}
	return &Server{n}, nil
}

func (c *ServerConfig) options() (*server.Options, error) {
	if c.Dir == "" {
		return nil, errors.New("jetstream: a server needs a folder, ServerConfig.Dir")
	}
	if c.Cluster != "" && c.Name == "" {
		return nil, errors.New("jetstream: a server of a cluster needs a name, ServerConfig.Name")
	}
	if c.Host == "" {
		c.Host = "127.0.0.1"
	}
	o := &server.Options{
		ServerName: c.Name, Host: c.Host, Port: orRandom(c.Port), StoreDir: c.Dir, JetStream: true, SyncAlways: true,
		NoSigs: true, NoLog: c.Log == nil, MaxPayload: maxPayload, WriteDeadline: 10 * time.Second,
		// A peer that stops answering is cut off after two of these.
		PingInterval: 2 * time.Second, MaxPingsOut: 2,
	}
	if c.Cluster != "" {
		o.Cluster = server.ClusterOpts{Name: c.Cluster, Host: c.Host, Port: orRandom(c.RoutePort), PoolSize: -1, NoAdvertise: c.Fixed,
			ConnectRetries: 1 << 20, PingInterval: 2 * time.Second, MaxPingsOut: 2}
		for _, r := range c.Routes {
			if _, _, err := net.SplitHostPort(r); err != nil {
				return nil, fmt.Errorf("jetstream: route %q: want host:port", r)
			}
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: r})
		}
	}
	return o, nil
}

func orRandom(port int) int {
	if port == 0 {
		return server.RANDOM_PORT
	}
	return port
}

// URL is where clients reach the server.
func (s *Server) URL() string { return s.server.ClientURL() }

// Route is the host:port where other servers of the cluster reach this one.
func (s *Server) Route() string {
	a := s.server.ClusterAddr()
	if a == nil {
		return ""
	}
	return net.JoinHostPort(a.IP.String(), strconv.Itoa(a.Port))
}

// Stop hands the lead of its streams on to other servers and ends.
func (s *Server) Stop() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

// logger writes a server's messages, one to a line.
type logger struct{ to io.Writer }

func (l *logger) line(level, format string, a ...any) {
	fmt.Fprintf(l.to, "%s %s %s\n", time.Now().UTC().Format(time.RFC3339Nano), level, fmt.Sprintf(format, a...))
}

func (l *logger) Noticef(format string, a ...any) { l.line("note", format, a...) }
func (l *logger) Warnf(format string, a ...any)   { l.line("warn", format, a...) }
func (l *logger) Errorf(format string, a ...any)  { l.line("error", format, a...) }
func (l *logger) Fatalf(format string, a ...any)  { l.line("fatal", format, a...) }
func (l *logger) Debugf(format string, a ...any)  { l.line("debug", format, a...) }
func (l *logger) Tracef(format string, a ...any)  { l.line("trace", format, a...) }
