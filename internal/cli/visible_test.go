package cli

import (
	"strings"
	"testing"
)

func TestVisible(t *testing.T) {
	var b strings.Builder
	if visible(&b) != &b {
		t.Error("what is no terminal does not get the text as it is")
	}
	if _, err := (signs{&b}).Write([]byte("a\x1b[2J\tb\r\n\x00\x7f\u0085é\u2028\u202e\u2066")); err != nil {
		t.Fatal(err)
	}
	if want := "a␛[2J\tb␍\n␀␡\uFFFDé\u2028\uFFFD\uFFFD"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
