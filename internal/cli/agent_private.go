package cli

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// contained says where a private session's data would leave this machine with
// any step: for the model's server or the journal's. Which tools it may call, its
// runtime checks.
func (o *agentRunOptions) contained() error {
	switch {
	case strings.Contains(o.model, "://") && !onLoopback(o.model):
		return fmt.Errorf("--model: a private session's data stays on this machine, and %s may be another: want a server of 127.0.0.1, ::1 or localhost", oneLine(o.model, shortText))
	case o.folder.remote() && !onLoopback(o.folder.data):
		return fmt.Errorf("--data: a private session's data stays on this machine, and %s may be another: want a folder", oneLine(o.folder.data, shortText))
	}
	return nil
}

// onLoopback says that a URL's host is this machine by its name or address.
func onLoopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
