package session

import (
	"strings"
	"testing"

	"tierlab/workloads"
)

var errand = Spec{ID: "s1", Task: "add up", Tools: []string{"add", "echo"}, Seed: 7}

func TestOpenSession(t *testing.T) {
	st := begin(t, newMemory(), &script{turns: turns(
		call(`add {"n":2}`), call(`echo {"a":1}`, `add {"n":3}`), say("the sum is 5"))}, nil)
	v := st.must(t, errand)
	if v.Status != workloads.StatusOK || v.Answer != "the sum is 5" || string(v.State["sum"]) != "5" {
		t.Fatalf("status %q, answer %q, sum %q", v.Status, v.Answer, v.State["sum"])
	}
	var said []string
	for _, m := range v.Messages {
		said = append(said, m.Role+":"+m.Content)
	}
	want := `user:add up|assistant:|tool:2|assistant:|tool:{"a":1}|tool:5|assistant:the sum is 5`
	if got := strings.Join(said, "|"); got != want {
		t.Errorf("conversation\n %s\nwant\n %s", got, want)
	}
	t.Log(st.kinds("s1"))
	got, err := Rebuild(soon(t), st.store, "s1", To{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest != v.Digest {
		t.Errorf("rebuilt: digest %x, want %x", got.Digest, v.Digest)
	}
}
