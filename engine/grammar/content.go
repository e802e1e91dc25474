package grammar

// The states of a JSON string's content between its quotes, byte by byte: the
// well-formed byte sequences of UTF-8 (The Unicode Standard, table 3-7) and the
// escapes of RFC 8259, section 7, but for surrogates: a character outside of the
// basic plane is written as itself, so no lone surrogate ever comes out.
const (
	base      uint8 = iota // between characters
	escaped                // after a backslash
	hex1                   // after \u
	hex2                   // after \u and a digit but d
	hex2d                  // after \ud: 0 to 7 keep clear of surrogates
	hex3                   //
	hex4                   //
	more1                  // one more continuation byte
	more2                  // two more
	more3                  // three more
	afterE0                // A0 to BF, and one more
	afterED                // 80 to 9F, and one more
	afterF0                // 90 to BF, and two more
	afterF4                // 80 to 8F, and two more
	numStates              //

	closed  = 254 // the closing quote
	refused = 255
)

// transition leads from a state by the bytes from lo to hi.
type transition struct {
	from   uint8
	lo, hi byte
	to     uint8
}

// contentStates is the next state, by state and byte.
var contentStates = table([]transition{
	{base, ' ', 0x7f, base}, {base, '"', '"', closed}, {base, '\\', '\\', escaped},
	{base, 0xc2, 0xdf, more1}, {base, 0xe0, 0xe0, afterE0}, {base, 0xe1, 0xec, more2},
	{base, 0xed, 0xed, afterED}, {base, 0xee, 0xef, more2}, {base, 0xf0, 0xf0, afterF0},
	{base, 0xf1, 0xf3, more3}, {base, 0xf4, 0xf4, afterF4},
	{more1, 0x80, 0xbf, base}, {more2, 0x80, 0xbf, more1}, {more3, 0x80, 0xbf, more2},
	{afterE0, 0xa0, 0xbf, more1}, {afterED, 0x80, 0x9f, more1},
	{afterF0, 0x90, 0xbf, more2}, {afterF4, 0x80, 0x8f, more2},
	{escaped, '"', '"', base}, {escaped, '\\', '\\', base}, {escaped, '/', '/', base},
	{escaped, 'b', 'b', base}, {escaped, 'f', 'f', base}, {escaped, 'n', 'n', base},
	{escaped, 'r', 'r', base}, {escaped, 't', 't', base}, {escaped, 'u', 'u', hex1},
	{hex1, '0', '9', hex2}, {hex1, 'a', 'f', hex2}, {hex1, 'A', 'F', hex2},
	{hex1, 'd', 'd', hex2d}, {hex1, 'D', 'D', hex2d}, {hex2d, '0', '7', hex3},
	{hex2, '0', '9', hex3}, {hex2, 'a', 'f', hex3}, {hex2, 'A', 'F', hex3},
	{hex3, '0', '9', hex4}, {hex3, 'a', 'f', hex4}, {hex3, 'A', 'F', hex4},
	{hex4, '0', '9', base}, {hex4, 'a', 'f', base}, {hex4, 'A', 'F', base},
})

// table lays out transitions; of two for one byte the later one holds.
func table(transitions []transition) (t [numStates][256]uint8) {
	for s := range t {
		for c := range t[s] {
			t[s][c] = refused
		}
	}
	for _, tr := range transitions {
		for c := int(tr.lo); c <= int(tr.hi); c++ {
			t[tr.from][c] = tr.to
		}
	}
	return t
}

// wayBack has bytes that complete a character from each state; its first byte
// leads to a state whose own bytes are the rest.
var wayBack = [numStates]string{
	base: "", escaped: "n", hex1: "0061", hex2: "061", hex2d: "061", hex3: "61", hex4: "1",
	more1: "\x80", more2: "\x80\x80", more3: "\x80\x80\x80",
	afterE0: "\xa0\x80", afterED: "\x80\x80", afterF0: "\x90\x80\x80", afterF4: "\x80\x80\x80",
}

// filler is the character that fills up a string to its least length.
const filler = 'a'
