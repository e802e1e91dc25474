// Package placement decides which node drives which session after a node has
// left or been lost, and has the survivors take its sessions over.
//
// # What is safe and what is only quick
//
// That a session has one owner is the journal's promise (INV-J3): a node takes a
// session by Own, and from then on no batch of the owner before is taken,
// whatever that node believes. Nothing here adds to that or could break it. This
// package makes it quick: it notices who is gone, and lets all survivors come to
// the same answer to who takes what, so that they do not take from each other.
//
// # Who is gone
//
// Every node announces itself in the journal's own log, each Beat (400 ms). A
// node is gone when
//
//	leaving  it has announced so, after it has let go of its sessions; or
//	lost     nothing of it has come for Lost (2.5 s) of flowing log.
//
// The log flows while one's own announcements come back through it: the time
// between two of them counts, up to four Beats. So a node that is cut off counts
// nobody as lost, and while the replicas elect a leader (4 to 9 s, when nobody's
// announcements get through) the survivors do not take each other for dead; the
// one that died is found lost about 1 s after the log flows again.
//
// # Who takes what
//
// A session belongs to its journal's Head.Owner while that node is there.
// Otherwise it goes to the live node with the highest hash of (node, session)
// (rendezvous hashing: Thaler and Ravishankar, "Using name-based mappings to
// increase hit rates", 1998): survivors keep what they have, and what the lost
// node had spreads over them evenly. Sessions do not move back to a node that
// returns.
//
// # A node that comes back
//
// A node that was paused or cut off still believes in its sessions until its copy
// of the log shows their new owners. Its writes are refused (journal.ErrFenced)
// from the first; its placement then drops what others own.
//
// table.go is the decision, pure; placement.go drives it.
package placement
