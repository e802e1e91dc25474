package jetstream

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tierlab/reference/journal"
)

// Config says where a store is and how it behaves. Only URL or Server is needed.
type Config struct {
	// URL is that of NATS servers with JetStream, several with commas between.
	URL string
	// Server is one in this process, in place of URL.
	Server *Server
	// Credentials is a NATS credentials file; "": none.
	Credentials string
	// Stream is the stream's name and its subjects' first token; "": "journal".
	// It is created if it is not there.
	Stream string
	// Replicas of a stream that is created; 0: 3 where the servers are a cluster,
	// and 1 otherwise. Three survive the loss of one.
	Replicas int
	// Node names this store among those of the stream; "": one is made up. A name
	// may be used by one store at a time.
	Node string
	// Timeout is after how long a call gives up with *journal.UnavailableError;
	// 0: 15 s, in which an election (4 to 9 s) has room.
	Timeout time.Duration
	// Fresh is how long this node's copy may go without proof of its age while
	// nobody asks for more; 0: 1 s. Each proof is a small write.
	Fresh time.Duration
}

var token = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// formatKey is under which the stream's metadata holds the format of its messages.
const formatKey = "tierlab-journal-format"

// retryPause is how long a write waits that no leader took.
const retryPause = 50 * time.Millisecond

// Store is a journal.Store on a JetStream stream.
type Store struct {
	wire    wire
	node    string
	timeout time.Duration
	view    *view

	instance [8]byte // of write ids
	writes   atomic.Uint64

	mu    sync.Mutex
	grips map[string]*grip

	barriers barriers
	waiters  atomic.Int64
	kick     chan struct{}
	trouble  atomic.Pointer[error] // of following the stream

	life    context.Context // ends in Close
	end     context.CancelFunc
	running sync.WaitGroup
	calls   sync.RWMutex // held for reading by writes under way
	closed  bool
}

func (c *Config) fill() error {
	if (c.URL == "") == (c.Server == nil) {
		return errors.New("jetstream: the configuration needs either URL or Server")
	}
	if c.Stream == "" {
		c.Stream = "journal"
	}
	if c.Node == "" {
		var b [6]byte
		rand.Read(b[:])
		c.Node = "node-" + hex.EncodeToString(b[:])
	}
	for what, name := range map[string]string{"stream": c.Stream, "node": c.Node} {
		if !token.MatchString(name) {
			return fmt.Errorf("jetstream: %s name %q: want 1 to 128 letters, digits, - or _", what, name)
		}
	}
	if c.Replicas < 0 || c.Replicas > 5 {
		return fmt.Errorf("jetstream: %d replicas: want 1 to 5, or 0 to leave it open", c.Replicas)
	}
	if c.Timeout == 0 {
		c.Timeout = 15 * time.Second
	}
	if c.Fresh == 0 {
		c.Fresh = time.Second
	}
	return nil
}

// Open connects to the servers, creates the stream if it is not there, and reads
// it to its end: the time that takes grows with what is in it, which Compact
// bounds.
func Open(ctx context.Context, c Config) (*Store, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	conn, err := dial(&c)
	if err != nil {
		return nil, &journal.UnavailableError{Err: fmt.Errorf("%s: %w", cmp.Or(c.URL, "the server in this process"), err)}
	}
	if c.Replicas == 0 {
		c.Replicas = 1
		if conn.ConnectedClusterName() != "" {
			c.Replicas = 3
		}
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	s := &Store{
		wire: wire{conn: conn, js: js, name: c.Stream}, node: c.Node, timeout: c.Timeout,
		view: newView(c.Stream, c.Node), grips: map[string]*grip{}, kick: make(chan struct{}, 1),
	}
	rand.Read(s.instance[:])
	s.life, s.end = context.WithCancel(context.Background())
	if err := s.openStream(ctx, c.Replicas); err != nil {
		s.Close()
		return nil, err
	}
	s.running.Add(2)
	go s.follow(s.life)
	go s.keepFresh(s.life, c.Fresh)
	if err := s.reach(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func dial(c *Config) (*nats.Conn, error) {
	opts := []nats.Option{nats.Name("tierlab " + c.Node), nats.MaxReconnects(-1), nats.ReconnectWait(200 * time.Millisecond),
		nats.Timeout(attempt), nats.PingInterval(2 * time.Second), nats.MaxPingsOutstanding(2)}
	if c.Credentials != "" {
		opts = append(opts, nats.UserCredentials(c.Credentials))
	}
	if c.Server != nil {
		opts = append(opts, nats.InProcessServer(c.Server.server))
	}
	return nats.Connect(c.URL, opts...)
}

// openStream finds the stream or creates it, and checks that it is a journal's.
func (s *Store) openStream(ctx context.Context, replicas int) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	want := jetstream.StreamConfig{
		Name: s.wire.name, Subjects: []string{s.wire.name + ".*", s.wire.name + ".*.*"}, Replicas: replicas,
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
		AllowDirect: true, DenyDelete: true, Metadata: map[string]string{formatKey: strconv.Itoa(format)},
		Description: "tierlab's session journals",
	}
	for {
		once, stop := context.WithTimeout(ctx, attempt)
		stream, err := s.wire.js.Stream(once, s.wire.name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			stream, err = s.wire.js.CreateStream(once, want)
		}
		stop()
		if err == nil {
			s.wire.stream = stream
			return s.checkFormat(stream.CachedInfo().Config.Metadata[formatKey])
		}
		if pause(ctx, 4*retryPause) != nil {
			return s.unavailable(err)
		}
	}
}

func (s *Store) checkFormat(found string) error {
	n, err := strconv.Atoi(found)
	if err != nil {
		return fmt.Errorf("jetstream: stream %q is no journal: its metadata has %q as %s", s.wire.name, found, formatKey)
	}
	if n > format {
		return &journal.VersionError{Where: "stream " + s.wire.name, Found: n, Newest: format}
	}
	return nil
}

func (s *Store) subject(name, sort string) string { return s.wire.name + "." + name + "." + sort }

func (s *Store) newID() (id writeID) {
	copy(id[:], s.instance[:])
	binary.BigEndian.PutUint64(id[8:], s.writes.Add(1))
	return id
}

// Close waits for writes under way and closes the connection.
func (s *Store) Close() error {
	s.calls.Lock()
	first := !s.closed
	s.closed = true
	s.calls.Unlock()
	if first {
		s.barriers.mu.Lock()
		s.barriers.closed = true
		s.barriers.mu.Unlock()
		s.end()
		s.running.Wait()
		s.wire.conn.Close()
	}
	return nil
}
