package builtin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"tierlab/reference/tools"
	"tierlab/reference/tools/builtin"
)

// site is a server on this machine, and what it was last asked.
func site(t *testing.T) (address, port string, last func() *http.Request) {
	var request *http.Request
	mux := http.NewServeMux()
	mux.HandleFunc("/text", func(w http.ResponseWriter, r *http.Request) { request = r; fmt.Fprint(w, "grüß") })
	mux.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte{0xff, 0, 1}) })
	mux.HandleFunc("/flood", func(w http.ResponseWriter, r *http.Request) {
		for range 10_000 {
			if _, err := fmt.Fprint(w, strings.Repeat("ü", 50)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
	})
	mux.HandleFunc("/gone", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "gone", http.StatusGone) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return server.URL, u.Port(), func() *http.Request { return request }
}

func (s *session) fetch(arguments map[string]any) (string, error) {
	text, err := json.Marshal(arguments)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.try("http_fetch", string(text))
}

func TestFetch(t *testing.T) {
	address, port, last := site(t)
	s := newSession(t, builtin.Config{Fetch: &builtin.Fetch{Hosts: []string{"127.0.0.1"}, Schemes: []string{"http"}, Ports: []string{port},
		Private: true, Post: builtin.PostKeyed, MaxBytes: 1001}})
	for _, c := range []struct {
		path, want string
	}{
		{"/text", `"body":"grüß"`},
		{"/bytes", `"base64":"/wAB"`},
		{"/flood", `"body":"` + strings.Repeat("ü", 500) + `","cut":true`},
		{"/gone", `"status":410`},
		{"/none", `"status":404`},
		{"/loop", `more than 5 redirects`},
		{"/away", `redirected: port`},
	} {
		want := c.want
		if c.path == "/away" {
			want = "may not be reached"
			if port == "80" {
				t.Skip("the test server has port 80")
			}
			want = "name a port"
		}
		if got, err := s.fetch(map[string]any{"url": address + c.path}); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %s %v, want %s", c.path, got, err, want)
		}
	}
	if _, err := s.fetch(map[string]any{"url": address + "/text", "method": "POST", "body": "x", "headers": map[string]string{"x-mine": "1"}}); err != nil {
		t.Error(err)
	}
	if r := last(); r.Header.Get("Idempotency-Key") != tools.Key("s", s.calls, 0) || r.Header.Get("X-Mine") != "1" || r.Method != "POST" {
		t.Errorf("the server was asked %s with %v", r.Method, r.Header)
	}
	for _, c := range []struct {
		arguments map[string]any
		want      string
	}{
		{map[string]any{"url": address + "/text", "body": "x"}, "no body"},
		{map[string]any{"url": address + "/text", "headers": map[string]string{"host": "x"}}, "not yours"},
		{map[string]any{"url": address + "/text", "headers": map[string]string{"idempotency-key": "x"}}, "not yours"},
		{map[string]any{"url": address + "/text", "method": "DELETE"}, "want one of"},
		{map[string]any{"url": "http://127.0.0.1/"}, "name a port"},
		{map[string]any{"url": "http://127.0.0.1:1/"}, "may not be reached"},
		{map[string]any{"url": "http://user@127.0.0.1:" + port}, "user's name"},
		{map[string]any{"url": "http://127.0.0.2:" + port}, "may not be reached"},
		{map[string]any{"url": "https://127.0.0.1:" + port}, "want http"},
		{map[string]any{"url": "file:///etc/passwd"}, "want http"},
		{map[string]any{"url": "http://[::1"}, "missing"},
		{map[string]any{"url": ":"}, "missing"},
	} {
		if got, err := s.fetch(c.arguments); err != nil && !strings.Contains(got, "schema") || !strings.Contains(got, c.want) {
			t.Errorf("%v: %s %v, want %s", c.arguments, got, err, c.want)
		}
	}
}

// TestFetchDialsPublicAddressesOnly reaches for this machine by a name that is on
// the list, as a name whose address has been changed would.
func TestFetchDialsPublicAddressesOnly(t *testing.T) {
	_, port, last := site(t)
	host := "localhost"
	s := newSession(t, builtin.Config{Fetch: &builtin.Fetch{Hosts: []string{host, "127.0.0.1", "::1"}, Schemes: []string{"http"}, Ports: []string{port}}})
	for _, name := range []string{host, "127.0.0.1", "[::1]"} {
		got, err := s.fetch(map[string]any{"url": "http://" + name + ":" + port + "/text"})
		if !strings.Contains(got, "not a public one") && err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
	if last() != nil {
		t.Error("the server was reached")
	}
}

func TestFetchClasses(t *testing.T) {
	for post, want := range map[builtin.Post]tools.Repeat{builtin.NoPost: tools.Pure, builtin.PostOnce: tools.Once, builtin.PostKeyed: tools.Keyed} {
		s := newSession(t, builtin.Config{Fetch: &builtin.Fetch{Hosts: []string{"127.0.0.1"}, Schemes: []string{"http"}, Ports: []string{"1"}, Private: true, Post: post}})
		if tool, _ := s.reg.Lookup("http_fetch"); tool.Repeat != want {
			t.Errorf("with post %d the class is %d, want %d", post, tool.Repeat, want)
		}
		// Nothing listens on port 1: nothing was sent, so that even Once may try again.
		_, err := s.fetch(map[string]any{"url": "http://127.0.0.1:1/"})
		var e *tools.Error
		if !errors.As(err, &e) || !e.Retryable {
			t.Errorf("no connection: %v", err)
		}
	}
}

func TestPublicAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"1.1.1.1": true, "93.184.215.14": true, "2606:4700::1": true, "::ffff:1.1.1.1": true,
		"127.0.0.1": false, "127.8.8.8": false, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.100.100.200": false, "0.0.0.0": false, "0.1.2.3": false, "255.255.255.255": false,
		"224.0.0.1": false, "240.0.0.1": false, "198.18.0.1": false, "::": false, "::1": false, "::127.0.0.1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd00:ec2::254": false,
		"ff02::1": false, "64:ff9b::a00:1": false, "2002:7f00:1::": false, "2001::1": false, "fec0::1": false,
	} {
		err := builtin.PublicOnly(netip.AddrPortFrom(netip.MustParseAddr(address), 80).String())
		if (err == nil) != want {
			t.Errorf("%s: %v, want public %v", address, err, want)
		}
	}
	if builtin.PublicOnly("socket") == nil {
		t.Error("what is no address was taken for a public one")
	}
}
