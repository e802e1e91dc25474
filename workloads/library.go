package workloads

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
)

// ReadLibrary reads a whole workload, refuses a session id that stands in it
// twice, and drops the outcomes.
func ReadLibrary(r io.Reader, name string) (*Library, error) {
	digest := sha256.New()
	rd := NewReader(io.TeeReader(bufio.NewReaderSize(r, 1<<16), digest), name)
	h, err := rd.Header()
	if err != nil {
		return nil, err
	}
	lib := &Library{Header: *h, Recorded: true}
	lines := make(map[string]int)
	for t, err := range rd.Sessions() {
		if err != nil {
			return nil, err
		}
		if first, dup := lines[t.Session.ID]; dup {
			e := fault("id", "each session once", "the file has this session already, in line %d", first)
			e.File, e.Line = name, t.Line
			return nil, e.in(KindSession, t.Session.ID)
		}
		lines[t.Session.ID] = t.Line
		lib.Sessions = append(lib.Sessions, t.Graph)
		lib.Recorded = lib.Recorded && t.Session.Arrival != nil
	}
	if len(lib.Sessions) == 0 {
		e := fault("", "at least one", "the file has no session")
		e.File = name
		return nil, e
	}
	lib.Prefixes = rd.Prefixes().All()
	lib.Digest = hex.EncodeToString(digest.Sum(nil))
	return lib, nil
}
