//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"path/filepath"
)

// line is where in the sources code at address pc is, as the end of a message;
// empty where the image does not tell, as on darwin.
func (m *module) line(pc uint64) string {
	f, err := elf.NewFile(bytes.NewReader(m.image))
	if err != nil {
		return ""
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return ""
	}
	data, err := f.DWARF()
	if err != nil {
		return ""
	}
	for _, s := range symbols {
		if s.Name != "host_run" {
			continue
		}
		for _, l := range m.copies {
			if entry, ok := lineOf(data, pc-(uint64(l.run)-s.Value)); ok {
				return fmt.Sprintf(" (%s:%d)", filepath.Base(entry.File.Name), entry.Line)
			}
		}
	}
	return ""
}

func lineOf(data *dwarf.Data, pc uint64) (found dwarf.LineEntry, ok bool) {
	units := data.Reader()
	unit, err := units.SeekPC(pc)
	if err != nil {
		return found, false
	}
	lines, err := data.LineReader(unit)
	if err != nil || lines == nil {
		return found, false
	}
	return found, lines.SeekPC(pc, &found) == nil && found.File != nil
}
