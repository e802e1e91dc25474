package workloads

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"tierlab/internal/spell"
)

// Error is what is wrong with one line of a record, where, and what would be
// right. All errors of this package about a record's content are of this type.
type Error struct {
	// File is the name that the reader was given; empty for a record that is
	// being written or compiled.
	File string
	// Line counts from 1; 0 where there is no line.
	Line int
	// Record names the line's subject, such as `step "s3"`.
	Record string
	// Field is the path to the field, such as "after[0].step".
	Field string
	// Problem is what is wrong with it.
	Problem string
	// Want says what would be right; may be empty.
	Want string

	step int // the step's position in its session, for the reader to find the line
}

// Error writes `file:line: record: field: problem (want)`.
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.File != "" && e.Line > 0:
		fmt.Fprintf(&b, "%s:%d: ", e.File, e.Line)
	case e.File != "":
		fmt.Fprintf(&b, "%s: ", e.File)
	case e.Line > 0:
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	for _, part := range []string{e.Record, e.Field} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	b.WriteString(e.Problem)
	if e.Want != "" {
		b.WriteString(" (" + e.Want + ")")
	}
	return b.String()
}

// fault is an Error about a field, to be placed by whoever knows the line.
func fault(field, want, format string, args ...any) *Error {
	return &Error{Field: field, Problem: fmt.Sprintf(format, args...), Want: want, step: -1}
}

// in names the record that e is about, unless it is named already.
func (e *Error) in(kind Kind, name string) *Error {
	if e.Record == "" {
		e.Record = string(kind)
		if name != "" {
			e.Record = fmt.Sprintf("%s %q", kind, name)
		}
	}
	return e
}

// at says which step of its session e is about.
func (e *Error) at(step int, id string) *Error {
	e.step = step
	return e.in(KindStep, id)
}

// didYouMean is a hint at the known word nearest to the one given, the first
// in the alphabet of equally near ones, or empty when none is near.
func didYouMean(word string, known iter.Seq[string]) string {
	best := spell.Nearest(word, slices.Sorted(known))
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}
