package fuel

import "bytes"

// What Instrument exports.
const (
	Export = "tierlab:fuel"
	Start  = "tierlab:start"
)

// Exhausted says whether a budget of which left is left was not enough.
func Exhausted(left int64) bool { return left < 0 }

// The sections by their numbers, and their order: the number of data segments
// stands before the code.
const (
	sectionCustom, sectionType, sectionImport, sectionFunction = 0, 1, 2, 3
	sectionTable, sectionMemory, sectionGlobal, sectionExport  = 4, 5, 6, 7
	sectionStart, sectionElement, sectionCode, sectionData     = 8, 9, 10, 11
	sectionDataCount                                           = 12
)

var order = [...]byte{sectionType, sectionImport, sectionFunction, sectionTable, sectionMemory, sectionGlobal,
	sectionExport, sectionStart, sectionElement, sectionDataCount, sectionCode, sectionData}

var preamble = []byte("\x00asm\x01\x00\x00\x00")

// module is what has to be known of a module to rewrite it.
type module struct {
	sections  [sectionDataCount + 1]*reader // nil: absent
	signature []signature
	functions []uint32 // type of each, imported ones first
	imported  int      // of them
	tables    []byte   // the section, as it becomes
	globals   uint32   // imported and own; the number of the added one
	start     int      // number of the start function, -1 for none
}

type signature struct{ params, results uint32 }

// Instrument returns the module that counts. Its error is a *FormatError.
func Instrument(binary []byte) ([]byte, error) {
	m, err := split(binary)
	if err != nil {
		return nil, err
	}
	if err := m.read(); err != nil {
		return nil, err
	}
	return m.write(len(binary))
}

// split finds the sections.
func split(binary []byte) (*module, error) {
	m := &module{start: -1}
	if !bytes.HasPrefix(binary, preamble) {
		return nil, &FormatError{0, "not a WebAssembly module of version 1"}
	}
	r := &reader{module: binary, at: len(preamble), end: len(binary)}
	last := -1
	for r.more() {
		at := r.at
		id := r.byte()
		body := r.part(r.u32())
		if id == sectionCustom {
			body.name()
			if body.err != nil {
				return nil, body.err
			}
			continue
		}
		place := bytes.IndexByte(order[:], id)
		switch {
		case r.err != nil:
		case place < 0:
			r.fail(at, "section %d is not of WebAssembly 2.0", id)
		case place <= last:
			r.fail(at, "section %d is out of order, or there twice", id)
		default:
			m.sections[id], last = body, place
		}
	}
	return m, r.err
}

// read looks at the sections that are kept as they are.
func (m *module) read() error {
	for _, s := range []struct {
		id   byte
		name string
		read func(*reader)
	}{
		{sectionType, "the types", m.readTypes},
		{sectionImport, "the imports", m.readImports},
		{sectionFunction, "the functions", m.readFunctions},
		{sectionTable, "the tables", m.readTables},
		{sectionGlobal, "the globals", m.readGlobals},
		{sectionExport, "the exports", m.readExports},
		{sectionStart, "the start function", m.readStart},
		{sectionElement, "the elements", m.readElements},
		{sectionData, "the data", m.readData},
	} {
		if section := m.sections[s.id]; section != nil {
			r := *section
			s.read(&r)
			if err := r.done(s.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// write puts the module together again.
func (m *module) write(size int) ([]byte, error) {
	out := append(make([]byte, 0, 3*size), preamble...)
	for _, id := range order {
		var body []byte
		section := m.sections[id]
		switch {
		case id == sectionStart:
			continue
		case id == sectionGlobal:
			body = m.appended(section, 1, append([]byte{typeI64, 1}, opI64Const, 0, opEnd))
		case id == sectionTable && section != nil:
			body = m.tables
		case id == sectionExport:
			body = m.writeExports(section)
		case section == nil:
			continue
		case id == sectionCode:
			var err error
			if body, err = m.writeCode(section); err != nil {
				return nil, err
			}
		default:
			body = section.module[section.at:section.end]
		}
		out = appendU32(append(out, id), uint32(len(body)))
		out = append(out, body...)
	}
	return out, nil
}

// appended is a section that is a list, with n elements more.
func (m *module) appended(section *reader, n uint32, elements []byte) []byte {
	if section == nil {
		return append(appendU32(nil, n), elements...)
	}
	r := *section
	body := appendU32(nil, r.u32()+n)
	body = append(body, r.module[r.at:r.end]...)
	return append(body, elements...)
}

func (m *module) writeExports(section *reader) []byte {
	n := uint32(1)
	elements := appendU32(append(appendName(nil, Export), kindGlobal), m.globals)
	if m.start >= 0 {
		n++
		elements = appendU32(append(appendName(elements, Start), kindFunction), uint32(m.start))
	}
	return m.appended(section, n, elements)
}
