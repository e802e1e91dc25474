package session

import (
	"fmt"
	"maps"
	"reflect"
	"testing"

	"tierlab/reference/hub"
)

// same says how two sessions' ends differ, in what a crash must not change.
func same(a, b *View) error {
	switch {
	case a.Status != b.Status:
		return fmt.Errorf("status %q, want %q", a.Status, b.Status)
	case a.Answer != b.Answer:
		return fmt.Errorf("answer %q, want %q", a.Answer, b.Answer)
	case !reflect.DeepEqual(a.Messages, b.Messages):
		return fmt.Errorf("conversation\n %v\nwant\n %v", a.Messages, b.Messages)
	case !maps.EqualFunc(a.State, b.State, func(x, y []byte) bool { return string(x) == string(y) }):
		return fmt.Errorf("state %s, want %s", a.State, b.State)
	case len(a.Steps) != len(b.Steps):
		return fmt.Errorf("%d steps, want %d", len(a.Steps), len(b.Steps))
	}
	return nil
}

// plots are sessions whose every record is followed by a crash.
var plots = map[string][]hub.Message{
	"parallel tools": {call(`add {"n":2}`), call(`echo {"a":1}`, `add {"n":3}`, `echo "x"`), say("the sum is 5")},
	"answer at once": {say("four")},
	"bad calls":      {call(`nothing {}`, `add {"n":1}`), call(`echo {"a"`), call(`fail {}`), say("so be it")},
}

// TestCrashAfterEachRecord ends the process after each record of a session and
// lets another go on from there: conversation, state and answer are those of the
// session that nothing disturbed.
func TestCrashAfterEachRecord(t *testing.T) {
	for name, plot := range plots {
		t.Run(name, func(t *testing.T) {
			s := &script{turns: turns(plot...)}
			spec := errand
			spec.Tools = []string{"add", "echo", "fail"}
			whole := begin(t, newMemory(), s, nil)
			want := whole.must(t, spec)
			n := int(want.Record)
			for k := 1; k < n; k++ {
				st := begin(t, whole.store.cut("s1", k), s, nil)
				st.mine("s1")
				got, err := st.Wait(soon(t), "s1")
				if err != nil {
					t.Fatalf("after record %d: %v", k, err)
				}
				if err := same(got, want); err != nil {
					t.Fatalf("after record %d (%s): %v\n%v", k, whole.kinds("s1")[k-1], err, st.kinds("s1"))
				}
			}
		})
	}
}
