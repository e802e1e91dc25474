// Package router decides where a model call runs: site, model and replica.
package router
