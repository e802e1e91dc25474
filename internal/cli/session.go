package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tierlab/internal/spell"
	"tierlab/reference/journal"
	"tierlab/reference/journal/jetstream"
	"tierlab/reference/journal/pebblestore"
	"tierlab/reference/ledger"
)

func newSession(stdio Stdio) *cobra.Command {
	return group("session", "List, show, replay and branch durable sessions",
		newSessionList(stdio),
		newSessionShow(stdio),
		newSessionReplay(stdio),
		newSessionBranch(stdio),
		newSessionExport(stdio),
		newSessionApprove(stdio),
		newSessionKill(stdio),
	)
}

// defaultFolder is where sessions are kept: beside what other commands write,
// in the folder that one works in.
const defaultFolder = "out/sessions"

// sessionFolder is a folder of sessions, one journal for all of them.
type sessionFolder struct{ data string }

func (o *sessionFolder) flags(f *pflag.FlagSet) {
	f.StringVar(&o.data, "data", defaultFolder, "the `folder` that sessions are kept in, or the nats://host:port of servers with JetStream")
}

// create opens the folder, which is made if it is not there.
func (o *sessionFolder) create() (journal.Store, error) {
	if o.remote() {
		return o.connect()
	}
	if err := os.MkdirAll(o.data, 0o755); err != nil {
		return nil, badInputf("--data: %w", err)
	}
	return o.opened(pebblestore.Open(o.data, pebblestore.Options{}))
}

// open opens a folder that has to be there.
func (o *sessionFolder) open(readOnly bool) (journal.Store, error) {
	if o.remote() {
		return o.connect()
	}
	if _, err := os.Stat(o.data); errors.Is(err, fs.ErrNotExist) {
		return nil, badInputf("--data: there is no folder %s: tierlab agent run makes one", o.data)
	}
	return o.opened(pebblestore.Open(o.data, pebblestore.Options{ReadOnly: readOnly}))
}

// remote says that the sessions are with NATS servers, and not in a folder.
func (o *sessionFolder) remote() bool { return strings.HasPrefix(o.data, "nats://") }

// connect opens the journal stream of NATS servers, which is made if it is not
// there.
func (o *sessionFolder) connect() (journal.Store, error) {
	store, err := jetstream.Open(context.Background(), jetstream.Config{URL: o.data})
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	return store, nil
}

func (o *sessionFolder) opened(s *pebblestore.Store, err error) (journal.Store, error) {
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, journal.ErrLocked):
		return nil, badInputf("--data: %s is in use by another process, which has its sessions: wait until it ends, or interrupt it", o.data)
	}
	return nil, badInputf("--data: %w", err)
}

// with opens the folder, hands it over and closes it.
func (o *sessionFolder) with(readOnly bool, do func(journal.Store) error) error {
	store, err := o.open(readOnly)
	if err != nil {
		return err
	}
	return errors.Join(do(store), store.Close())
}

// sessionNames are the sessions' names.
func sessionNames(ctx context.Context, store journal.Store) ([]string, error) {
	var names []string
	err := eachSession(ctx, store, func(h journal.Head) error {
		names = append(names, h.Session)
		return nil
	})
	return names, err
}

// eachSession leaves out the journals that are no sessions.
func eachSession(ctx context.Context, store journal.Store, each func(journal.Head) error) error {
	return store.Sessions(ctx, "", func(h journal.Head) error {
		if h.Session == ledger.SwitchSession || h.Seq == 0 {
			return nil
		}
		return each(h)
	})
}

// notFound words an unknown session: the nearest names.
func notFound(ctx context.Context, store journal.Store, id string, err error) error {
	if bad := journal.CheckSession(id); bad != nil {
		return badInput(bad)
	}
	if !errors.Is(err, journal.ErrUnknown) {
		return err
	}
	names, listing := sessionNames(ctx, store)
	if listing != nil {
		return errors.Join(err, listing)
	}
	if len(names) == 0 {
		return badInputf("there is no session %q: there are none yet", id)
	}
	return badInputf("there is no session %q%s", id, hintAt(id, names))
}

func hintAt(name string, names []string) string {
	if hint := spell.Hint(name, names); hint != "" {
		return hint
	}
	return fmt.Sprintf("; there are %d (tierlab session list)", len(names))
}

// freeName is the first of prefix1, prefix2 ... that no session has.
func freeName(prefix string, taken []string) string {
	for i := 1; ; i++ {
		if name := fmt.Sprint(prefix, i); !slices.Contains(taken, name) {
			return name
		}
	}
}
