package session

import (
	"errors"
	"fmt"

	"tierlab/workloads"
)

// The errors that a caller tells apart, beside those of package journal.
var (
	ErrClosed = errors.New("session: the runtime has been closed")
	ErrAwake  = errors.New("session: it is at work and cannot hibernate")
)

// OwnedError says that another owner has the session. Wake takes it over.
type OwnedError struct {
	Session, Owner string
	Epoch          uint64
}

func (e *OwnedError) Error() string {
	return fmt.Sprintf("session %q: it is %s's, under epoch %d", e.Session, e.Owner, e.Epoch)
}

// EndedError says that a session has ended.
type EndedError struct {
	Session string
	Status  workloads.Status
}

func (e *EndedError) Error() string {
	return fmt.Sprintf("session %q: it has ended (%s): branch it to go on from one of its steps", e.Session, e.Status)
}

// ExistsError says that there is a session of that name.
type ExistsError struct{ Session string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("session %q: there is one of that name already", e.Session)
}
