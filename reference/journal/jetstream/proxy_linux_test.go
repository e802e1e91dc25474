package jetstream

import (
	"fmt"
	"net"
	"sync"
	"testing"
)

// proxies stand between nodes on loopback, one for each direction of each pair.
// Those of a node that is cut off hold on to all bytes, as a network does whose
// packets are lost and sent again later.
type proxies struct {
	mu    sync.Mutex
	moved *sync.Cond
	cut   map[int]bool
	ports map[[2]int]int // from a node to another, from 1
}

// newProxies are for nodes whose servers listen on ports.
func newProxies(t *testing.T, ports []int) *proxies {
	p := &proxies{cut: map[int]bool{}, ports: map[[2]int]int{}}
	p.moved = sync.NewCond(&p.mu)
	for from := range ports {
		for to, port := range ports {
			if from == to {
				continue
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			p.ports[[2]int{from + 1, to + 1}] = l.Addr().(*net.TCPAddr).Port
			go p.serve(l, from+1, to+1, port)
		}
	}
	return p
}

func (p *proxies) serve(l net.Listener, from, to, port int) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			p.wait(from, to)
			out, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				in.Close()
				return
			}
			go p.copy(out, in, from, to)
			p.copy(in, out, from, to)
		}()
	}
}

// wait returns once neither node is cut off.
func (p *proxies) wait(from, to int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.cut[from] || p.cut[to] {
		p.moved.Wait()
	}
}

// copy passes bytes on until one end closes, which it passes on too.
func (p *proxies) copy(dst, src net.Conn, from, to int) {
	defer dst.Close()
	defer src.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		p.wait(from, to)
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxies) set(node int, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut[node] = cut
	p.moved.Broadcast()
}
