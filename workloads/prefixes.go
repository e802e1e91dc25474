package workloads

import "maps"

// Prefixes are the shared prefixes that a file has defined so far. The zero
// value is empty; a nil *Prefixes can be read.
type Prefixes struct {
	list   []Prefix
	tokens map[string]int
}

// Add defines a prefix. The error is an *Error.
func (p *Prefixes) Add(x Prefix) error {
	if err := p.check(&x); err != nil {
		return err.in(KindPrefix, x.Name)
	}
	if p.tokens == nil {
		p.tokens = make(map[string]int)
	}
	p.tokens[x.Name] = x.Keep + x.Add
	p.list = append(p.list, x)
	return nil
}

// All lists the prefixes in the order of their definition. The caller must
// not change it.
func (p *Prefixes) All() []Prefix {
	if p == nil {
		return nil
	}
	return p.list
}

// Tokens is the length of a prefix, and whether it is defined.
func (p *Prefixes) Tokens(name string) (int, bool) {
	if p == nil {
		return 0, false
	}
	n, ok := p.tokens[name]
	return n, ok
}

func (p *Prefixes) check(x *Prefix) *Error {
	if x.Name == "" {
		return fault("name", "a name", "empty")
	}
	if _, ok := p.tokens[x.Name]; ok {
		return fault("name", "each prefix once", "%q is defined already", x.Name)
	}
	if err := checkTokens(x.Keep, x.Add); err != nil {
		return err
	}
	if x.From == "" {
		return checkNoBase(x.Keep)
	}
	held, ok := p.tokens[x.From]
	if !ok {
		return fault("from", didYouMean(x.From, maps.Keys(p.tokens)), "%q is not a prefix defined before this one", x.From)
	}
	if x.Keep > held {
		return fault("keep", "", "%d tokens, but prefix %q holds %d", x.Keep, x.From, held)
	}
	return nil
}

// maxTokens bounds a context, so that lengths fit 32 bits.
const maxTokens = 1_000_000_000

func checkTokens(keep, add int) *Error {
	for _, f := range []struct {
		name string
		n    int
	}{{"keep", keep}, {"add", add}} {
		if f.n < 0 || f.n > maxTokens {
			return fault(f.name, "0 to 1e9", "%d tokens", f.n)
		}
	}
	if keep+add > maxTokens {
		return fault("add", "a context of up to 1e9", "%d tokens with those kept", keep+add)
	}
	return nil
}

func checkNoBase(keep int) *Error {
	if keep != 0 {
		return fault("keep", "name the context in from, or leave keep out", "%d tokens of nothing", keep)
	}
	return nil
}
