package session

import (
	"maps"
	"slices"
	"strings"

	"tierlab/reference/tools"
)

// ownKeys begin the keys of a session's state that are the runtime's own.
const ownKeys = "~"

// stateView is the session's state as of now. What has been handed out is not
// changed any more.
func (a *actor) stateView() tools.State {
	a.life.shared = true
	return stateView(a.life.state)
}

type stateView map[string][]byte

func (s stateView) Get(key string) ([]byte, bool) {
	v, ok := s[key]
	return v, ok
}

func (s stateView) List(prefix string) []string {
	var keys []string
	for k := range maps.Keys(s) {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}
