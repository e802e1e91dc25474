// Package importers turns recordings made by others into workloads.
//
// An importer reads files of one foreign format and writes the record format
// of package workloads. It never drops anything silently: what it left out or
// had to assume is counted in the header's notes, and its rules stand in the
// header's method and in the comment of its file.
//
// What all importers share:
//
//   - A recording separates model time from other time as far as its source
//     does. Time between an answer and the next call that the source does not
//     explain is a delay with a cause: tool+client, human or unknown.
//   - A step's recorded duration and time to first token are kept where known;
//     a replay may ignore them.
//   - Contexts become deltas against an earlier context. Where the source
//     gives block ids, the longest shared run of blocks is kept; where it gives
//     lengths only, the importer states what it takes to be shared.
//   - Tokens are counted as the source counted them.
//   - Sources are read twice, so that the header, which stands first, can say
//     what the body lacks; each pass holds at most one session and the ids of
//     all, unless the importer's comment says otherwise.
package importers
