package grammar

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"
)

const tool = `{"type":"object","properties":{"path":{"type":"string"},"line":{"type":"integer","minimum":1},
	"mode":{"enum":["read","write","append"]},"tags":{"type":"array","items":{"type":"string"}},"extra":{}},"required":["path","line"]}`

// BenchmarkMask times masks at places of an output: known, as in most steps, new,
// and with a limit so near that every token is weighed.
func BenchmarkMask(b *testing.B) {
	for _, n := range []int{32000, 128256} {
		list := large(n)
		v := vocabulary(b, list)
		a := mustBind(b, v, mustSchema(b, tool, Options{}))
		mask := make([]uint64, (n+63)/64)
		for _, place := range []struct{ name, text string }{
			{"start", ""},
			{"name", `{"pa`},
			{"string", `{"path":"src`},
			{"escape", `{"path":"src\`},
			{"number", `{"path":"src","line":1`},
			{"any", `{"path":"src","line":1,"extra":`},
			{"anywhere", `{"path":"src","line":1,"extra":[{"a":{"b":"`},
		} {
			for _, state := range []string{"known", "new", "tight"} {
				m := a.Matcher()
				for i := range len(place.text) {
					if err := m.Accept(int32(place.text[i])); err != nil {
						b.Fatal(err)
					}
				}
				if state == "tight" {
					if err := m.Limit(m.MinTokens() + 2); err != nil {
						b.Fatal(err)
					}
				}
				b.Run(fmt.Sprintf("%s/%s/vocab=%d", place.name, state, n), func(b *testing.B) {
					for b.Loop() {
						if state == "new" {
							clear(a.masks)
						}
						m.Mask(mask)
					}
				})
			}
		}
	}
}

// BenchmarkOutput is the cost per token of whole outputs of random tokens.
func BenchmarkOutput(b *testing.B) {
	for _, n := range []int{32000, 128256} {
		list := large(n)
		a := mustBind(b, vocabulary(b, list), mustSchema(b, tool, Options{MaxLength: 40, MaxItems: 4}))
		mask := make([]uint64, (n+63)/64)
		b.Run(fmt.Sprintf("vocab=%d", n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			tokens := 0
			for b.Loop() {
				m := a.Matcher()
				if err := m.Limit(200); err != nil {
					b.Fatal(err)
				}
				for !m.Done() {
					m.Mask(mask)
					w := r.IntN(len(mask))
					for mask[w] == 0 {
						w = (w + 1) % len(mask)
					}
					id := int32(64*w + bits.TrailingZeros64(mask[w]))
					if err := m.Accept(id); err != nil {
						b.Fatal(err)
					}
					tokens++
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(tokens), "ns/token")
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	v := vocabulary(b, large(32000))
	for b.Loop() {
		g, err := Schema([]byte(tool), Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Bind(v, g); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVocabulary(b *testing.B) {
	for _, n := range []int{32000, 128256} {
		list := large(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				vocabulary(b, list)
			}
		})
	}
}
