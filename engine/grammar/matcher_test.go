package grammar

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestMatcherErrors(t *testing.T) {
	list := small()
	a := mustBind(t, vocabulary(t, list), mustSchema(t, `{"type":"integer","maximum":99,"minimum":1}`, Options{}))
	m := a.Matcher(list.end())
	for _, id := range []int32{-1, int32(len(list)), list.end(), 'x', '0'} {
		if err := m.Accept(id); err == nil {
			t.Errorf("token %d is accepted at the start", id)
		}
	}
	for _, id := range []int32{'4', list.end()} {
		if err := m.Accept(id); err != nil || m.Done() != (id == list.end()) {
			t.Fatalf("token %d: %v, done %v", id, err, m.Done())
		}
	}
	if err := m.Accept('2'); err == nil {
		t.Error("a token is accepted after the end")
	}
	mask := []uint64{1, 2, 3, 4, 5, 6, 7}
	if m.Mask(mask); fmt.Sprint(mask) != "[0 0 0 0 0 0 0]" {
		t.Errorf("mask after the end: %x", mask)
	}
}

// TestBrokenLimit goes on without a limit when tokens that it did not allow, as
// in forced decoding, have used it up.
func TestBrokenLimit(t *testing.T) {
	list := small()
	a := mustBind(t, vocabulary(t, list), mustSchema(t, `{"type":"string"}`, Options{}))
	m := a.Matcher()
	if err := m.Limit(3); err != nil {
		t.Fatal(err)
	}
	for _, id := range []int32{'"', 'a', 'b', 'c'} {
		if err := m.Accept(id); err != nil {
			t.Fatal(err)
		}
	}
	mask := make([]uint64, (len(list)+63)/64)
	if m.Mask(mask); !has(mask, '"') || !has(mask, 'd') {
		t.Error("no way on past the limit")
	}
}

// TestForget bounds what an automaton remembers, under matchers that go on.
func TestForget(t *testing.T) {
	list := small()
	v := vocabulary(t, list)
	a := mustBind(t, v, mustSchema(t, `{"type":"array","items":{"type":"array","items":{"type":"string"}}}`, Options{}))
	r := rand.New(rand.NewPCG(3, 3))
	text := `[["abc","\u00e9"],[],["aaaaaaaaaaaaaaaaaaaa","b"],[""]]`
	m := a.Matcher()
	for i := range 3 {
		part := text[i*len(text)/3 : (i+1)*len(text)/3]
		if done := feed(t, m, list, part, r); done != (i == 2) {
			t.Fatalf("part %d: %v", i, done)
		}
		a.forget()
	}
}

// TestImpatience cuts every walk short: with single bytes outputs still end.
func TestImpatience(t *testing.T) {
	list := small()
	g, err := Object(Options{MaxLength: 8, MaxItems: 2, MaxDepth: 2})
	if err != nil {
		t.Fatal(err)
	}
	a := mustBind(t, vocabulary(t, list), g)
	a.most = 0
	r := rand.New(rand.NewPCG(9, 9))
	for range 20 {
		m := a.Matcher()
		mask := make([]uint64, (len(list)+63)/64)
		var text strings.Builder
		for !m.Done() {
			m.Mask(mask)
			id := int32(r.IntN(len(list)))
			if !has(mask, id) {
				continue
			}
			inside := m.set[0].state == base && a.nodes[m.set[0].node].kind == content
			if len(list[id]) > 1 && !inside {
				t.Fatalf("token %q is allowed outside of a string", list[id])
			}
			if err := m.Accept(id); err != nil {
				t.Fatal(err)
			}
			text.WriteString(list[id])
		}
		if !json.Valid([]byte(text.String())) {
			t.Fatal(text.String())
		}
	}
}

func TestPruneKeepsTheSoonest(t *testing.T) {
	g, err := Literal(strings.Repeat("a", 3*maxReadings))
	if err != nil {
		t.Fatal(err)
	}
	a := mustBind(t, vocabulary(t, small()), g)
	var set []thread
	for i := len(a.nodes) - 1; i > backNode; i-- {
		set = append(set, thread{place{node: int32(i)}, a.root})
	}
	first, last := set[0], set[len(set)-1]
	if set = a.prune(set); len(set) != maxReadings || set[0] != first || set[len(set)-1] != last || a.rest(last) != 1 {
		t.Errorf("%d readings, from %+v to %+v", len(set), set[0].place, set[len(set)-1].place)
	}
}

func TestAmbiguous(t *testing.T) {
	// Each level doubles the readings: 2^8 of them, of which maxReadings are kept.
	schema := `{"anyOf":[{"type":"array","items":{"$ref":"#"},"maxItems":2},{"type":"array","items":{"$ref":"#"},"maxItems":3},{"type":"null"}]}`
	list := small()
	a := mustBind(t, vocabulary(t, list), mustSchema(t, schema, Options{}))
	text := `[[[[[[[null],null]]]]],[]]`
	if !feed(t, a.Matcher(), list, text, rand.New(rand.NewPCG(1, 1))) {
		t.Errorf("%s is refused", text)
	}
	valid, err := judge(schema)
	if err != nil {
		t.Fatal(err)
	}
	m := a.Matcher()
	mask := make([]uint64, (len(list)+63)/64)
	r := rand.New(rand.NewPCG(5, 5))
	var out strings.Builder
	for !m.Done() {
		if len(m.set) > maxReadings {
			t.Fatalf("%d readings", len(m.set))
		}
		m.Mask(mask)
		id := int32(r.IntN(len(list)))
		if has(mask, '[') && r.IntN(3) > 0 {
			id = '['
		}
		if has(mask, id) {
			if err := m.Accept(id); err != nil {
				t.Fatal(err)
			}
			out.WriteString(list[id])
		}
	}
	if err := valid(out.String()); err != nil {
		t.Errorf("%s: %v", out.String(), err)
	}
}
