package grammar

import (
	"fmt"
	"strings"
	"testing"
)

// TestLargeSchemas reads schemas of which something would take gigabytes or
// hours if it grew as the square of the text.
func TestLargeSchemas(t *testing.T) {
	numbers := func(from, n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprint(from+i))
		}
		return strings.Join(list, ",")
	}
	long := strings.Repeat("a", 40_000)
	for name, c := range map[string]struct{ schema, fault string }{
		"a long start in common": {fmt.Sprintf(`{"enum":["%sb","%sc"]}`, long, long), ""},
		"two long lists":         {fmt.Sprintf(`{"oneOf":[{"enum":[%s]},{"enum":[%s]}]}`, numbers(0, 50_000), numbers(100_000, 50_000)), "may allow the same value"},
		"many values below a long name": {
			fmt.Sprintf(`{"default":{"%s":[%s]}}`, strings.Repeat(long, 10), strings.Repeat("0,", 250_000)+"0"), ""},
	} {
		_, err := Schema([]byte(c.schema), Options{})
		if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%s: %.200v, want %q", name, err, c.fault)
		}
	}
}
