package journal

import (
	"errors"
	"fmt"
	"regexp"
)

// The errors of a Store that a caller tells apart.
var (
	ErrUnknown  = errors.New("journal: no such session")
	ErrFenced   = errors.New("journal: another owner has taken the session over")
	ErrConflict = errors.New("journal: the batch does not follow the last record")
	ErrLocked   = errors.New("journal: the folder is in use by another process")
	// ErrStop is returned by a caller's function to end an iteration.
	ErrStop = errors.New("journal: enough")
)

// CorruptError says which record does not fit its chain or cannot be read.
type CorruptError struct {
	Session string // "": what is damaged is no session's
	Seq     uint64 // 0: it is the session's, but none of its records
	Problem string
}

func (e *CorruptError) Error() string {
	switch {
	case e.Session == "":
		return "journal: " + e.Problem
	case e.Seq == 0:
		return fmt.Sprintf("journal: session %q: %s", e.Session, e.Problem)
	}
	return fmt.Sprintf("journal: session %q: record %d: %s", e.Session, e.Seq, e.Problem)
}

// VersionError says that a journal was written by a newer program.
type VersionError struct {
	Where         string
	Found, Newest int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("journal: %s has format %d, and this program reads up to %d: use the program that wrote it, or a newer one",
		e.Where, e.Found, e.Newest)
}

// UnavailableError says that a store cannot write now: its disk is full or has
// failed, or too few replicas answer. What was acknowledged is safe.
type UnavailableError struct{ Err error }

func (e *UnavailableError) Error() string { return "journal: cannot write: " + e.Err.Error() }
func (e *UnavailableError) Unwrap() error { return e.Err }

var sessionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)

// CheckSession says what is wrong with a session's name: it is a file name, a
// NATS subject token and a word on a command line.
func CheckSession(name string) error {
	if sessionName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("journal: session name %q: want 1 to 128 letters, digits, - or _, beginning with a letter or digit", name)
}
