// Package hub makes the model calls of live sessions: against the engine in
// this process, against any server with the OpenAI API, or from a script whose
// turns are written in YAML. A session's router has chosen a deployment, a site
// and a model; a Caller says what stands behind it.
package hub
