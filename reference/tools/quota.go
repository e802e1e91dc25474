package tools

import (
	"encoding/json"
	"errors"
	"fmt"
)

// What a session has used is part of its state, written with the end of the call
// that used it: so it survives what the session survives, moves and branches
// with it, and is counted once for a call that is made again.
const (
	quotaPrefix = "quota/"
	toolPrefix  = quotaPrefix + "tool/" // and a tool's name: a use
	sizeKey     = quotaPrefix + "state" // a size
)

// use is what a session has used of a tool.
type use struct {
	Calls int   `json:"calls"`
	Bytes int64 `json:"bytes"`
}

// size is how much a session's state holds, without the keys under quotaPrefix.
type size struct {
	Keys  int   `json:"keys"`
	Bytes int64 `json:"bytes"`
}

// admit counts a call with its arguments, or says which quota it would break.
func admit(e *entry, s *state, arguments int) (use, *Error) {
	var u use
	if e.tool.Serial() && s.base == nil {
		return u, &Error{Kind: Refused, Tool: e.tool.Name, Err: errors.New("the call has no State, which the tool or its quota needs")}
	}
	q := e.tool.Quota
	if q == (Quota{}) {
		return u, nil
	}
	if err := s.read(toolPrefix+e.tool.Name, &u); err != nil {
		return u, &Error{Kind: QuotaUsed, Tool: e.tool.Name, Err: err}
	}
	if q.Calls > 0 && u.Calls >= q.Calls {
		return u, &Error{Kind: QuotaUsed, Tool: e.tool.Name, Err: fmt.Errorf("the session has made all of its %d calls", q.Calls)}
	}
	if left := q.Bytes - u.Bytes; q.Bytes > 0 && int64(arguments) > left {
		return u, &Error{Kind: QuotaUsed, Tool: e.tool.Name,
			Err: fmt.Errorf("the arguments have %d bytes, and %d are left of the session's %d for arguments and results", arguments, left, q.Bytes)}
	}
	u.Calls++
	u.Bytes += int64(arguments)
	return u, nil
}

// produced counts a result. One that does not fit uses up the quota.
func (u *use) produced(e *entry, bytes int) error {
	q := e.tool.Quota.Bytes
	if left := q - u.Bytes; q > 0 && int64(bytes) > left {
		u.Bytes = q
		return fmt.Errorf("the result has %d bytes, and %d were left of the session's %d for arguments and results: the tool has run, and what it returned is dropped", bytes, left, q)
	}
	u.Bytes += int64(bytes)
	return nil
}

// write is the use as the session keeps it, if the tool has a quota.
func (u *use) write(e *entry) []Write {
	if e.tool.Quota == (Quota{}) {
		return nil
	}
	return []Write{keep(toolPrefix+e.tool.Name, u)}
}

func keep(key string, v any) Write {
	text, err := json.Marshal(v)
	if err != nil { // two numbers marshal
		panic(err)
	}
	return Write{key, text}
}

// resized is the write of the state's size after writes, which may not grow
// beyond the bounds. What makes a state smaller is always taken.
func (r *Registry) resized(s *state, writes []Write) ([]Write, error) {
	if len(writes) == 0 {
		return nil, nil
	}
	var before size
	if err := s.read(sizeKey, &before); err != nil {
		return nil, err
	}
	after := before
	for _, w := range writes {
		if old, ok := s.Get(w.Key); ok {
			after.Keys--
			after.Bytes -= int64(len(w.Key) + len(old))
		}
		if w.Value != nil {
			after.Keys++
			after.Bytes += int64(len(w.Key) + len(w.Value))
		}
	}
	if after.Keys > r.options.MaxKeys && after.Keys > before.Keys {
		return nil, fmt.Errorf("the session's state would have %d keys: at most %d are kept; delete some", after.Keys, r.options.MaxKeys)
	}
	if after.Bytes > r.options.MaxState && after.Bytes > before.Bytes {
		return nil, fmt.Errorf("the session's state would have %d bytes: at most %d are kept; delete something", after.Bytes, r.options.MaxState)
	}
	return []Write{keep(sizeKey, after)}, nil
}
