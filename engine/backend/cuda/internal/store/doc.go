// Package store keeps compiled kernels on disk, found again by the content that
// they were made from. Several processes may use one folder at once.
//
// A key is the SHA-256 of everything that a compilation depends on; see Sum. Its
// entry is the file <key in hexadecimal>.kernel, all integers little-endian:
//
//	offset  bytes
//	0       8      "tlkernel"
//	8       4      format version, 1
//	12      4      length of the log
//	16      8      length of the image
//	24      32     the key
//	56      32     SHA-256 of bytes 0 to 55, the log and the image
//	88             the log, then the image
//
// A file that is cut off, altered, of another version or under another key's
// name is told apart from one that is absent, so that its reader can say why it
// compiles again; Put replaces it. Entries are written under a temporary name
// and renamed: a reader sees a whole entry or none.
//
// Reading an entry renews its modification time. Open drops entries that were
// not read for the limit's age, then those read longest ago until the rest is
// within the limit's bytes.
package store
