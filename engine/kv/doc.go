// Package kv keeps the paged memory of an engine's keys and values: which
// block holds what, who refers to it, and what is evicted for whom. It holds
// numbers of blocks and no tensors, so a simulated site runs the same object as
// an engine. It is pure: no clock, no randomness, no goroutine.
//
// # Content
//
// A block is named by a Hash of all tokens from its context's start to its own
// end. The hash after each token follows from the one before it (Hash.Fold),
// so a block's name is a chain over the blocks before it, and equal names mean
// equal contexts. A Chain is the handle of a context's content: an immutable
// value whose links contexts share. Tokens are named by their ids, or, where
// there are none as in a simulation, by a salt and a position (Made). A salt at
// a chain's root keeps tenants apart. The hash has 128 bits and is not a
// cryptographic one: a tenant who may not be trusted gets a secret salt.
//
// # Cost
//
// Resident blocks form a forest: each refers to the block before it in its
// context. A Table refers to its last block, which keeps the whole path. So
// taking up a prefix, forking and releasing cost O(1), finding the longest
// resident prefix walks over the missing blocks and looks up a logarithm of
// them, and growing by n tokens costs O(n); nothing costs O(context) except
// AppendBlocks, which a backend needs to be told a table and a simulator does
// not call. Nothing allocates after New, except for slices that callers hand in.
//
// # A block's life
//
//	        Grow                 Seal, or Grow when the content is known
//	free ----------> unsealed -----------------------------------> sealed
//	  ^                 |                                         |     ^
//	  |                 | last reference goes       last reference|     | Take,
//	  |                 |                                    goes v     | Adopt
//	  +-----------------+-------------------- evicted -------- cached --+
//
// A reference is held by a table whose last block it is, and by a resident
// block that continues it. A sealed block can be found by its hash and is never
// written again; an unsealed one is written by the one table that refers to it.
// A table that shares its partly filled last block, after Fork, gets a copy of
// it before it writes (copy on write). Seal follows the commit of the tokens;
// when two tables have computed the same block, the second takes the first's.
//
// # Eviction and retention
//
// Evicted is a cached block, so one at a context's end: least recently used
// first, where a release uses all blocks of its path. A Keep hint given with
// Release puts a path behind all blocks without one, by priority, until its
// time-to-live ends or somebody takes the path's end up again. Hints order
// evictions and reserve nothing: a running sequence can always have the memory.
// What they protect is bounded by Config.KeepBlocks; a hint that does not fit
// is refused.
//
// # Invariants
//
//	KV-1  free + cached + referenced = total.
//	KV-2  No block is both free and referenced, or free twice.
//	KV-3  A block's reference count is the number of tables that end in it
//	      plus the number of resident blocks that continue it.
//	KV-4  The block before a sealed one is sealed: whoever finds a block finds
//	      its whole context.
//	KV-5  Each sealed block is found by its hash, each hash names one block,
//	      and equal hashes mean equal tokens.
//	KV-6  Exactly the sealed blocks without a reference can be evicted.
//	KV-7  The blocks on retained paths are at most the charge, and the charge is
//	      at most KeepBlocks.
//	KV-8  A table's tokens fill its blocks but the last, and no block is written
//	      while it is sealed or another table refers to it. Its entries change
//	      only by calls that are made for it.
//	KV-9  An eviction takes the block of least rank (0, or 1 + the retention's
//	      priority), and of least recent use within the rank.
//	KV-10 The same calls give the same blocks.
//
// Check verifies KV-1 to KV-7. Built with the tag kvcheck, every change is
// followed by it. The property tests hold all ten against a naive model and a
// memory that really holds tokens.
//
// # Use by a backend
//
// A plan's copies run first, then its rows; plans run in the order in which
// they were made; within a layer all rows' keys and values are written before
// any row attends. Under this contract a block may be found from the moment its
// computation is planned, and reused from the moment it is freed, while plans
// that name it are still in flight.
package kv
