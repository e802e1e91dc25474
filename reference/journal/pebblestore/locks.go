package pebblestore

import (
	"hash/maphash"
	"sync"
)

// locks holds a lock for each session that is being written or read right now,
// so that a store's memory does not grow with the sessions that it keeps.
type locks struct {
	seed   maphash.Seed
	shards [32]struct {
		mu   sync.Mutex
		held map[string]*sessionLock
	}
}

// sessionLock is held by a writer until its batch is durable. A reader holds it
// while it takes its view, so that it sees no batch that may yet be lost.
type sessionLock struct {
	sync.RWMutex
	users int
}

func newLocks() *locks {
	l := &locks{seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].held = map[string]*sessionLock{}
	}
	return l
}

// get finds a session's lock. The caller puts it back.
func (l *locks) get(session string) *sessionLock {
	sh := &l.shards[maphash.String(l.seed, session)%uint64(len(l.shards))]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	k := sh.held[session]
	if k == nil {
		k = &sessionLock{}
		sh.held[session] = k
	}
	k.users++
	return k
}

func (l *locks) put(session string, k *sessionLock) {
	sh := &l.shards[maphash.String(l.seed, session)%uint64(len(l.shards))]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(sh.held, session)
	}
}
