package quickjs

import (
	"errors"
	"fmt"
	"strings"

	"tierlab/reference/sandbox/internal/border"
)

// What QuickJS itself throws at a limit.
const (
	outOfMemory  = "InternalError: out of memory"
	deepStack    = "RangeError: Maximum call stack size exceeded"
	maxErrorText = 4 << 10
)

// thrown words the context's exception: "program.js:3:5: TypeError: not a
// function". Reading an error may run the program's own getters, under the same
// limits as before.
func (x *execution) thrown(p *border.Program) (*border.Stop, error) {
	v, err := x.js("JS_GetException")
	if err != nil {
		return nil, err
	}
	message, err := x.describe(v)
	var stop *border.Stop
	switch {
	case errors.As(err, &stop):
		return stop, nil
	case x.left() < 0:
		return x.stop(err, p)
	case err != nil:
		return &border.Stop{Fault: border.Thrown, Message: "an error that cannot be shown"}, nil
	case strings.Contains(message, outOfMemory), message == "null" && x.crowded(p):
		return x.full(p), nil
	case strings.Contains(message, deepStack):
		return &border.Stop{Fault: border.StackOverflow, Message: fmt.Sprintf("the program's stack of %d bytes is full: %s", p.Stack, message)}, nil
	}
	return &border.Stop{Fault: border.Thrown, Message: message}, nil
}

// crowded says that the program's memory is as good as full: QuickJS throws null
// where it has no room for an error any more.
func (x *execution) crowded(p *border.Program) bool {
	return int64(x.memory.Size()) >= p.Memory/8*7
}

// describe is the text of a thrown value, with its place where it is an error.
func (x *execution) describe(v value) (string, error) {
	message, err := x.show(v)
	if err != nil {
		return "", err
	}
	is, err := x.call(x.ctx, "JS_IsError", uint64(v))
	if err != nil || is == 0 {
		return message, err
	}
	stack, err := x.property(v, "stack")
	if err != nil || !stack.isString() {
		return message, ignoreThrown(err)
	}
	frames, err := x.show(stack)
	if err != nil {
		return message, ignoreThrown(err)
	}
	if at := place(frames); at != "" {
		message = at + ": " + message
	}
	return message, nil
}

// ignoreThrown drops an exception thrown while another is described.
func ignoreThrown(err error) error {
	if errors.Is(err, errThrown) {
		return nil
	}
	return err
}

// show is String(v), cut off where it is long.
func (x *execution) show(v value) (string, error) {
	s, err := x.js("JS_ToString", uint64(v))
	if err != nil {
		return "", err
	}
	b, err := x.text(x.ctx, x.image, s)
	if err != nil {
		return "", err
	}
	if len(b) > maxErrorText {
		b = append(b[:maxErrorText], "..."...)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD"), nil
}

// place is the first line and column in the program that a stack names.
func place(stack string) string {
	for line := range strings.Lines(stack) {
		if at := strings.Index(line, programFile+":"); at >= 0 {
			return strings.TrimRight(strings.TrimSpace(line[at:]), ")")
		}
	}
	return ""
}
