//go:build kvcheck

package kv

// check verifies the cache after every change and panics at the first that
// broke an invariant.
func (c *Cache) check() {
	if err := c.Check(); err != nil {
		panic(err)
	}
}
