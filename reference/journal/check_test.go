package journal

import (
	"strings"
	"testing"
	"time"
)

func TestBatchCheck(t *testing.T) {
	at := time.Unix(1_700_000_000, 5)
	long := strings.Repeat("x", MaxName+1)
	big := make([]byte, MaxValue+1)
	half := make([]byte, MaxValue)
	for name, c := range map[string]struct {
		batch Batch
		want  string // "": nothing is wrong
	}{
		"all":              {Batch{Session: "s", Records: []Entry{{At: at, Kind: "k"}}, Timers: []Timer{{Name: "t"}, {Name: "u", At: at}}, Puts: []Put{{Key: "k", Value: half}}, Sends: []Message{{ID: 1, To: "b"}}, Charges: []Charge{{Account: "a"}}}, ""},
		"nothing":          {Batch{Session: "s"}, ""},
		"session":          {Batch{Session: "a b"}, "session name"},
		"kind":             {Batch{Session: "s", Records: []Entry{{At: at}}}, "record 1: its kind is empty"},
		"second kind":      {Batch{Session: "s", After: 7, Records: []Entry{{At: at, Kind: "k"}, {At: at, Kind: long}}}, "batch after record 7: record 2: its kind has 1025 bytes, and may have 1024"},
		"body":             {Batch{Session: "s", Records: []Entry{{At: at, Kind: "k", Body: big}}}, "record 1: its body has 8388609 bytes"},
		"no time":          {Batch{Session: "s", Records: []Entry{{Kind: "k"}}}, "years 1678 to 2262"},
		"time before":      {Batch{Session: "s", Timers: []Timer{{Name: "t", At: time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC)}}}, "timer 1: its time"},
		"key":              {Batch{Session: "s", Puts: []Put{{}}}, "put 1: its key is empty"},
		"value":            {Batch{Session: "s", Puts: []Put{{Key: "k", Value: big}}}, "put 1: its value"},
		"timer":            {Batch{Session: "s", Timers: []Timer{{At: at}}}, "timer 1: its name is empty"},
		"to":               {Batch{Session: "s", Sends: []Message{{ID: 1, To: "?"}}}, "message 1: journal: session name"},
		"account":          {Batch{Session: "s", Charges: []Charge{{}}}, "charge 1: its account is empty"},
		"snapshot":         {Batch{Session: "s", Snapshot: big}, "the snapshot has"},
		"summary":          {Batch{Session: "s", Summary: make([]byte, MaxSummary+1)}, "the summary has 65537 bytes, and may have 65536"},
		"two halves":       {Batch{Session: "s", Snapshot: half, Puts: []Put{{Key: "k", Value: half}}}, "a batch may have"},
		"the first counts": {Batch{Session: "s", Records: []Entry{{At: at}}, Puts: []Put{{}}}, "record 1"},
	} {
		err := c.batch.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
